/* Longshore's protocol from the claim of a task to the removal of its run directory; README.md says how it is read and run.
 *
 * One payload; EPOCHS leases of its task, one after the other; the holders of odd epochs are worker 2, of even ones worker 1.
 * Time is a clock whose ticks everybody counts for himself; what is between two ticks may take any order. Each fault takes
 * one of FAULTS away, each tick in which a live holder fails to renew takes one of TICKS.
 *
 * PLACE_ONLY: the script is placed and not executed. LIVENESS: without the deadline and the worker that lies, for the formulas.
 * FOREIGN_RUN: beside another installation's run; without it nothing else reads or writes THEIRS, so most checks do without.
 * A planted bug or a broken assumption is chosen by its name, see "Planted bugs" in README.md.
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef TICKS
#define TICKS 2
#endif

/* HARM: looks past the first step outside of a lease, for what comes of it. */
#ifdef HARM
#define STRICT(condition) true
#else
#define STRICT(condition) (condition)
#endif

#define LEASE 2    /* ticks */
#define GO_LIMIT 1 /* ticks after "ready" in which the runner takes "go" */
#ifndef SPARE
#define SPARE 0 /* leases more, for a planted bug that loses them without a fault */
#endif
/* Leases: one, and one more for each that can be lost; claim() asserts that they suffice. */
#if FAULTS + TICKS / LEASE + SPARE == 0
#define EPOCHS 1
#define EACH(of) of(1)
#define ALL(of) of(1)
#elif FAULTS + TICKS / LEASE + SPARE == 1
#define EPOCHS 2
#define EACH(of) of(1) of(2)
#define ALL(of) of(1) && of(2)
#elif FAULTS + TICKS / LEASE + SPARE == 2
#define EPOCHS 3
#define EACH(of) of(1) of(2) of(3)
#define ALL(of) of(1) && of(2) && of(3)
#elif FAULTS + TICKS / LEASE + SPARE == 3
#define EPOCHS 4
#define EACH(of) of(1) of(2) of(3) of(4)
#define ALL(of) of(1) && of(2) && of(3) && of(4)
#endif
#define WORKER(e) (1 + (e) % 2)

#ifdef PLACE_ONLY
#define EXECUTE false
#else
#define EXECUTE true
#endif

/* ---------------------------------------------------------------------------------------------- the database */

#define PENDING 0
#define RUNNING 1
#define ENDED 2
byte status;
byte epoch;
byte holder;
byte lease; /* ticks left, by the database's clock */
bool maybe_started;
bool executing;        /* payload's status EXECUTING */
bool cancel_requested;
bool failed_before;    /* failures > 0 */
bool run_cleanup;      /* row in run_cleanups */

#define COMPLETED 1
#define CANCELLED_RUNNING 3
#define INTERRUPTED 4
#define UNREACHABLE 5
#define CANCELLED_UNSTARTED 6
#define DELIVERY_TIMEOUT 7
#define INTERNAL 8         /* could not be set up on the instance */
#define TRANSFERRED 9
byte result;
#define SAYS_NOT_STARTED (result >= CANCELLED_UNSTARTED && result <= INTERNAL)

/* ---------------------------------------------------------------------------------------------- the instance */

/* Run directories: ours, and that of another installation's run. */
#define OURS 0
#ifdef NAME_BY_PAYLOAD
#define THEIRS 0
#else
#define THEIRS 1
#endif
#define FREE 0
#define STARTER 1 /* a runner */
#define SCRIPT 2  /* the supervisor, for the script's lifetime */
#define FOREIGN 3
bool made[2];
byte lock[2];
bool started[2];
byte published[2]; /* result: COMPLETED, CANCELLED_RUNNING or none */
bool foreign[2];   /* whose run it is */

bool placed;       /* remote_path holds this payload's script */
#define NOT_YET 0
#define RUNS 1
#define OVER 2
byte script;
bool kill_asked;
bool started_once; /* the guard was passed */

#ifdef ONE_UPLOAD_NAME
#define UPLOAD(e) 1
#else
#define UPLOAD(e) (e)
#endif
#define PARTIAL 1
#define COMPLETE 2
byte upload[EPOCHS + 1];
bool uploaded[EPOCHS + 1]; /* the runner is given an upload */
#define SCRIPT_IS_THERE(e) (uploaded[e] -> upload[UPLOAD(e)] == COMPLETE : placed)

/* ------------------------------------------------------------------------------ each holder, its link and its runner */

#define GONE 0     /* none yet, crashed or done */
#define ON_ITS_WAY 1 /* claimed, not yet told */
#define HELD 2
byte holding[EPOCHS + 1];
byte valid[EPOCHS + 1];  /* ticks for which the holder knows its lease to be good; none until a heartbeat is answered */
#define NOBODY_STARTS (ALL(IS_NOT_STARTING))
#define IS_NOT_STARTING(e) runner[e] != STARTS
byte age[EPOCHS + 1];    /* ticks since the runner's "ready" */
#define WAITS 1  /* said "ready" */
#define STARTS 2 /* took "go" */
byte runner[EPOCHS + 1];
bool in_doubt[EPOCHS + 1];
bool link_up[EPOCHS + 1]; /* SSH */
bool go[EPOCHS + 1];     /* on its way; may arrive after the link has broken */

/* What the runner says after "go". */
#define NONE 0
#define FOLLOWED 1 /* "running" */
#define LATE 2
#define PLACED 3
#define ERROR 4
byte record[EPOCHS + 1];

/* Events; Finished carries its result (COMPLETED .. TRANSFERRED). */
#define EXECUTING 10
#define RETRY 11
#define RETRY_MAYBE_STARTED 12
#define RELEASED 13
#define DIRECTORY_CLEANED 14
#define REFUSED 15
byte outbox[EPOCHS + 1]; /* the first event that is not acknowledged */
byte late[2];            /* an event that an api_server holds while its worker has gone to the other one */
byte late_epoch[2];

byte faults = FAULTS;
byte ticks = TICKS;

#include "server.pml"
#include "instance.pml"
#include "worker.pml"

#ifdef FOREIGN_RUN
/* The run of another installation on the same host. */
active proctype Foreign() {
end_foreign:
  do
  :: d_step { !started[THEIRS] && lock[THEIRS] == FREE ->
      made[THEIRS] = true; started[THEIRS] = true; lock[THEIRS] = FOREIGN; foreign[THEIRS] = true }
  :: d_step { lock[THEIRS] == FOREIGN -> lock[THEIRS] = FREE; published[THEIRS] = COMPLETED }
  :: d_step { started[THEIRS] && foreign[THEIRS] && lock[THEIRS] == FREE ->
      made[THEIRS] = false; started[THEIRS] = false; published[THEIRS] = NONE; foreign[THEIRS] = false }
  od
}
#endif

/* One tick. While a live worker holds the lease and could renew it, a tick is a fault: something was slow. A runner that has
 * taken "go" starts the script before the next tick: the one assumption about time that is not checked by anybody. */
#define AGES(e) ((runner[e] == WAITS || in_doubt[e]) && age[e] <= GO_LIMIT)
#define COUNTS_NOTHING(e) (valid[e] == 0 && !AGES(e))
#define COUNT(e) valid[e] = (valid[e] > 0 -> valid[e] - 1 : 0); age[e] = (AGES(e) -> age[e] + 1 : age[e]);
#define IS_FREE (status != RUNNING || holding[epoch] == GONE || in_doubt[epoch] && age[epoch] <= GO_LIMIT)
#ifdef SLOW_INSTANCE
#define PROMPT true
#else
#define PROMPT NOBODY_STARTS
#endif
active proctype Clock() {
end_clock:
  do
  :: d_step { PROMPT && (IS_FREE || ticks > 0) &&
      !(lease == 0 && ALL(COUNTS_NOTHING)) ->
      ticks = (IS_FREE -> ticks : ticks - 1);
      EACH(COUNT)
      lease = (lease > 0 -> lease - 1 : 0)
    }
  od
}

#ifdef LIVENESS
/* Once faults cease every payload ends, and its run directory is removed. */
ltl ends { <> (status == ENDED) }
ltl removed { <> [] (status == ENDED && !made[OURS] && !run_cleanup) }
#endif
