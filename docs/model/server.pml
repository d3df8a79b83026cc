/* ---------------------------------------------------------------------------------------- transactions on the database */

#define IN_LEASE(e) (status == RUNNING && epoch == (e) && lease > 0)

/* TaskStore::End, RememberLeftovers. */
inline end_task(how) {
  result = how;
  status = ENDED;
  lease = 0;
  assert(!SAYS_NOT_STARTED || script == NOT_YET);
  assert(result != COMPLETED || (script == OVER && published[OURS] == COMPLETED && !foreign[OURS]));
  assert(result != CANCELLED_RUNNING || script == OVER);
  assert(result != INTERRUPTED || started_once);
  assert(result != TRANSFERRED || placed);
#ifdef REACHES
  assert(result != REACHES);
#endif
  run_cleanup = (result <= UNREACHABLE) ||
                (SAYS_NOT_STARTED && result != INTERNAL && (epoch > 1 || failed_before));
}

/* LeaseStore::ClaimDue: one statement under the capacity lock. */
inline claim() {
  assert(epoch < EPOCHS);
  status = RUNNING;
  epoch++;
  holder = WORKER(epoch);
  lease = LEASE;
  holding[epoch] = ON_ITS_WAY;
}

/* LeaseStore::ReapExpired. */
inline reap() {
  status = PENDING;
#ifndef REAP_FORGETS_DOUBT
  maybe_started = maybe_started || EXECUTE;
#endif
}

/* CancelPayloads. */
inline request_cancel() {
#ifdef CANCEL_ENDS_DOUBT
  if
  :: status == RUNNING -> cancel_requested = true
  :: else -> cancel_requested = true; end_task(CANCELLED_UNSTARTED)
  fi
#else
  if
  :: status == RUNNING || maybe_started || executing -> cancel_requested = true
  :: else -> cancel_requested = true; end_task(CANCELLED_UNSTARTED)
  fi
#endif
}

/* Housekeeper::EndUndelivered. */
inline expire() {
  if
  :: maybe_started || executing -> end_task(UNREACHABLE)
  :: else ->
    if
    :: cancel_requested -> end_task(CANCELLED_UNSTARTED)
    :: else -> end_task(DELIVERY_TIMEOUT)
    fi
  fi
}

/* TaskStore::Release after an assignment that could not be sent. */
inline release_unsent(e) {
#ifdef RELEASE_BY_TASK
  lease = (status == RUNNING -> 0 : lease);
  status = (status == RUNNING -> PENDING : status)
#else
  lease = (status == RUNNING && epoch == e -> 0 : lease);
  status = (status == RUNNING && epoch == e -> PENDING : status)
#endif
}

/* EventApplier::Apply for one event of the lease `e`, from worker `w`; sets `accepted`. */
#ifdef FINISHED_WITHOUT_EPOCH
#define FENCED(ev, e, w) (ev < EXECUTING || (epoch == e && holder == w))
#else
#ifdef ANY_WORKER_SPEAKS
#define FENCED(ev, e, w) (epoch == e)
#else
#define FENCED(ev, e, w) (epoch == e && holder == w)
#endif
#endif
inline apply(ev, e, w) {
  accepted = FENCED(ev, e, w);
  if
  :: ev == DIRECTORY_CLEANED ->
    if
    :: accepted -> assert(STRICT(!made[OURS])); run_cleanup = false
    :: else
    fi
  :: ev != DIRECTORY_CLEANED && status == RUNNING && accepted ->
    /* Nobody writes under an older lease, nor for another. */
    assert(STRICT(epoch == e && holder == w));
    if
    :: ev == EXECUTING -> executing = true
    :: ev == RETRY || ev == RETRY_MAYBE_STARTED ->
      maybe_started = maybe_started || ev == RETRY_MAYBE_STARTED;
      failed_before = true;
      if
      :: cancel_requested && !maybe_started && !executing -> end_task(CANCELLED_UNSTARTED)
      :: else -> status = PENDING; lease = 0
      fi
    :: ev == RELEASED -> status = PENDING; lease = 0
    :: else -> end_task(ev)
    fi
  :: else ->
    /* BatchBuilder::IsRepeat: what it says has been written; acknowledged, but changes nothing. */
    accepted = accepted && (status == ENDED || ev == RETRY || ev == RETRY_MAYBE_STARTED || ev == RELEASED)
  fi
}

/* ------------------------------------------------------------------------------------------------ two api_servers */

#define SENT(e) (outbox[e] != NONE && outbox[e] != REFUSED)
#define ACKNOWLEDGE(e) outbox[e] = (accepted -> NONE : REFUSED)
/* They are alike: the second one shows what it is there for when the first is stuck. */
#define AT_WORK(a) (a == 0 && late[0] == NONE || a == 1 && late[0] != NONE && late[1] == NONE)

#define EVENT(e) \
  :: d_step { AT_WORK(a) && SENT(e) -> apply(outbox[e], e, WORKER(e)); ACKNOWLEDGE(e); accepted = false } \
  /* It dies after the commit, or the stream does: the worker sends the event again. */ \
  :: d_step { AT_WORK(a) && SENT(e) && faults > 0 -> faults--; apply(outbox[e], e, WORKER(e)); accepted = false } \
  /* It is stuck, and the worker sends the event again to the other. */ \
  :: d_step { AT_WORK(a) && SENT(e) && faults > 0 -> faults--; late[a] = outbox[e]; late_epoch[a] = e }

/* EventSink::RenewLeases. That the answer takes time changes nothing: a worker counts from when it sent the heartbeat. */
#ifdef RENEW_WITHOUT_EPOCH
#define RENEWAL(e) \
  :: d_step { AT_WORK(a) && status == RUNNING && holding[e] == HELD && (lease < LEASE || valid[e] < LEASE) -> \
    lease = LEASE; valid[e] = LEASE }
#else
#define RENEWAL(e) \
  :: d_step { AT_WORK(a) && status == RUNNING && epoch == e && holder == WORKER(e) && holding[e] == HELD && \
    (lease < LEASE || valid[e] < LEASE) -> lease = LEASE; valid[e] = LEASE }
#endif

active [2] proctype ApiServer() {
  byte a = _pid;
  bool accepted;
end:
  do
  :: d_step { AT_WORK(a) && status == PENDING -> claim() }
#ifndef LEASES_FOR_EVER
  :: d_step { AT_WORK(a) && status == RUNNING && lease == 0 -> reap() }
#endif
#ifndef LIVENESS
  :: d_step { AT_WORK(a) && status == PENDING -> expire() }
#endif
  /* A client's CancelPayload, once, at any moment or never. */
  :: d_step { AT_WORK(a) && status != ENDED && !cancel_requested -> request_cancel() }
  EACH(EVENT)
  EACH(RENEWAL)
  :: d_step { late[a] != NONE ->
    apply(late[a], late_epoch[a], WORKER(late_epoch[a]));
    late[a] = NONE; late_epoch[a] = 0; accepted = false
  }
#if !defined(LIVENESS) && !defined(FINISHED_WITHOUT_EPOCH)
  /* A worker that lies about the lease of another. */
  :: d_step { a == 0 && status == RUNNING -> apply(COMPLETED, epoch, 3 - holder); accepted = false }
  :: d_step { a == 0 && status == RUNNING -> apply(RELEASED, epoch, 3 - holder); accepted = false }
  :: d_step { a == 0 && run_cleanup -> apply(DIRECTORY_CLEANED, epoch, 3 - holder); accepted = false }
#endif
  od
}

