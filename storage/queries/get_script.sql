-- A script by its content's hash.
SELECT content
FROM scripts
WHERE sha256 = @sha256;
