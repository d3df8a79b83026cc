-- Whoever decides about places on instances, or frees one, holds this lock to the end of the transaction: a claim that decides
-- who has to wait must not miss a place that becomes free meanwhile.
SELECT ${capacity_lock};
