/* A worker's part in each lease: worker.cc, run/delivery.cc, run/follower.cc, outbox.cc.
 *
 * A crash of the worker is one of each of its leases. That a worker is stopped and continued is that it makes no step while the
 * clock ticks. What a runner says is heard at once or not at all: how long its words take is how long the holder takes to act.
 */

#define TELL(event) what = (event); outbox[e] = what

/* Crashed, done or dropped: nothing is left but what is on its way to the instance or held by an api_server. */
inline let_go() {
  holding[e] = GONE;
  valid[e] = 0;
  link_up[e] = false;
  record[e] = NONE;
  outbox[e] = NONE;
  in_doubt[e] = false;
  age[e] = (runner[e] == WAITS -> age[e] : 0);
  what = NONE;
#ifndef ONE_UPLOAD_NAME
  /* A file that a broken upload left behind means nothing to anybody else. */
  uploaded[e] = uploaded[e] && runner[e] != NONE;
#endif
}

#define CRASH :: d_step { faults > 0 -> faults--; let_go() }; goto end_unclaimed
#define LINK_DROPS(event) \
  :: d_step { faults > 0 -> faults--; link_up[e] = false; record[e] = NONE; TELL(event) }; goto said

#ifdef GO_WITHOUT_LEASE
#define MAY_GO true
#else
#ifdef GO_WHILE_VALID_NOW
#define MAY_GO (valid[e] > 0)
#else
#define MAY_GO (valid[e] > GO_LIMIT)
#endif
#endif

active [EPOCHS] proctype Holder() {
  byte e = _pid - EPOCHS - 3;
  byte what;

end_unclaimed:
  if
  :: d_step { holding[e] == ON_ITS_WAY -> holding[e] = HELD }
  /* The api_server dies after the claim, or the assignment is lost with its stream. */
  :: d_step { holding[e] == ON_ITS_WAY && faults > 0 -> faults--; let_go() }; goto end_unclaimed
  /* The worker left meanwhile. */
  :: d_step { holding[e] == ON_ITS_WAY && faults > 0 -> faults--; holding[e] = GONE }; goto unsent
  fi;

  if
  :: d_step { cancel_requested && e == 1 -> TELL(CANCELLED_UNSTARTED) }; goto said
  :: d_step { faults > 0 -> faults--; TELL(RETRY) }; goto said    /* no connection */
  :: d_step { faults > 0 -> faults--; TELL(RELEASED) }; goto said /* the worker drains */
  CRASH
  :: atomic { e == 1 || !EXECUTE -> goto send_script }
  :: atomic { e > 1 && EXECUTE -> goto run_the_runner }
  fi;

send_script:
#ifdef ONE_UPLOAD_NAME
  upload[UPLOAD(e)] = PARTIAL;
#endif
  atomic { upload[UPLOAD(e)] = COMPLETE; uploaded[e] = true };

  /* Delivery::StartRunner, and what the runner finds. */
run_the_runner:
  if
  /* start, not told of a cancel yet; or place */
  :: d_step { !executing && EXECUTE && FOUND -> link_up[e] = true; followed() }; goto executes
  :: d_step { !executing && !(EXECUTE && FOUND) && SCRIPT_IS_THERE(e) ->
      link_up[e] = true; runner[e] = WAITS; age[e] = 0 };
    goto ready
  :: d_step { !executing && !(EXECUTE && FOUND) && !SCRIPT_IS_THERE(e) && !uploaded[e] -> skip }; goto send_script
  :: d_step { !executing && !(EXECUTE && FOUND) && !SCRIPT_IS_THERE(e) && uploaded[e] ->
      uploaded[e] = false; TELL(RETRY) };
    goto said
  /* attach */
  :: d_step { EXECUTE && (executing || cancel_requested) && FOUND -> link_up[e] = true; followed() }; goto executes
  :: d_step { EXECUTE && (executing || cancel_requested) && !FOUND ->
      uploaded[e] = false; TELL((executing -> INTERRUPTED : CANCELLED_UNSTARTED)) };
    goto said
  CRASH
  :: d_step { faults > 0 -> faults--; TELL(RETRY) }; goto said
  fi;

ready:
  if
  :: d_step { cancel_requested -> link_up[e] = false; TELL(CANCELLED_UNSTARTED) }; goto said
  :: d_step { MAY_GO -> go[e] = true }
  /* LeaseTable::WaitValid gives up. */
  :: d_step { status == RUNNING && epoch == e && faults > 0 -> faults--; link_up[e] = false; TELL(RETRY) }; goto said
  :: d_step { status != RUNNING || epoch != e -> link_up[e] = false; TELL(RETRY) }; goto said
  CRASH
  LINK_DROPS(RETRY)
  fi;

  /* Told to start: from here on only the instance knows. */
  if
  :: d_step { record[e] == FOLLOWED -> record[e] = NONE }; goto executes
  :: d_step { record[e] == LATE -> record[e] = NONE; link_up[e] = false; TELL((EXECUTE -> RETRY_MAYBE_STARTED : RETRY)) };
    goto said
  :: d_step { record[e] == PLACED -> record[e] = NONE; link_up[e] = false; TELL(TRANSFERRED) }; goto said
  :: d_step { record[e] == ERROR -> record[e] = NONE; link_up[e] = false; TELL(INTERNAL) }; goto said
  CRASH
  :: d_step { !link_up[e] -> record[e] = NONE; in_doubt[e] = true }
  :: d_step { link_up[e] && faults > 0 -> faults--; link_up[e] = false; record[e] = NONE; in_doubt[e] = true }
  fi;
  /* Until "go" is certainly late the lease is not given away, for it may still arrive. */
#ifdef RETRY_AT_ONCE
#define CERTAINLY_LATE true
#else
#define CERTAINLY_LATE (age[e] > GO_LIMIT)
#endif
  d_step {
    CERTAINLY_LATE -> in_doubt[e] = false;
    age[e] = (runner[e] == WAITS -> age[e] : 0);
    TELL((EXECUTE -> RETRY_MAYBE_STARTED : RETRY))
  };
  goto said;

executes:
  outbox[e] = EXECUTING;
  if
  :: outbox[e] == NONE
  :: d_step { outbox[e] == REFUSED -> let_go() }; goto end_unclaimed
  CRASH
  fi;
following:
  if
  :: d_step { lock[OURS] == FREE -> TELL((published[OURS] -> published[OURS] : INTERRUPTED)) }
  :: d_step { cancel_requested && !kill_asked -> kill_asked = true }; goto following
  :: d_step { faults > 0 -> faults--; TELL(RELEASED) } /* the worker drains */
  CRASH
  LINK_DROPS(RETRY)
  fi;

said:
  if
  :: d_step { outbox[e] == NONE && what <= INTERRUPTED && link_up[e] -> skip }
  :: d_step { outbox[e] == NONE && !(what <= INTERRUPTED && link_up[e]) -> let_go() }; goto end_unclaimed
  :: d_step { outbox[e] == REFUSED -> let_go() }; goto end_unclaimed
  CRASH
  fi;

  /* Worker::OnCommitted, Follower::Clean */
  if
  :: !made[OURS]
  :: made[OURS] && MAY_CLEAN -> remove_directory()
  CRASH /* or the link drops */
  fi;
  outbox[e] = DIRECTORY_CLEANED;
  if
  :: d_step { outbox[e] == NONE || outbox[e] == REFUSED -> let_go() }; goto end_unclaimed
  CRASH
  fi;

unsent:
  atomic { release_unsent(e); let_go() };
  goto end_unclaimed
}
