/* The instance: remote_runner.sh, the script and its supervisor, and the cleaning of run directories. */

/* What a runner says is heard only while the link is up. */
#define SAY(word) record[e] = (link_up[e] -> word : NONE)

#ifdef GUARD_BY_MKDIR
#define FOUND made[OURS]
#else
#define FOUND started[OURS]
#endif

#ifdef CLEAN_WITHOUT_LOCK
#define MAY_CLEAN true
#else
#define MAY_CLEAN (lock[OURS] == FREE)
#endif

inline discard_upload() {
  upload[UPLOAD(e)] = (uploaded[e] -> NONE : upload[UPLOAD(e)]);
  uploaded[e] = false
}

inline followed() {
  /* Another installation's run is never followed. */
  assert(!foreign[OURS]);
  discard_upload()
}

inline remove_directory() {
  d_step {
    /* Nothing is cleaned while it runs, and nothing of anybody else. */
    assert(script != RUNS && NOBODY_STARTS);
    assert(!foreign[OURS]);
    made[OURS] = false; started[OURS] = false; published[OURS] = NONE
  }
}

inline stop_waiting() {
  go[e] = false;
  runner[e] = NONE;
  age[e] = (in_doubt[e] -> age[e] : 0)
}

/* It dies alone: killed, or out of memory. Its channel ends with it. */
#define KILLED \
  :: d_step { faults > 0 -> faults--; lock[OURS] = (held -> FREE : lock[OURS]); held = false; runner[e] = NONE; \
      link_up[e] = false; uploaded[e] = false }; \
    goto end_not_ready

/* One for each lease, from "ready" on. */
active [EPOCHS] proctype Runner() {
  byte e = _pid - 1;
  bool held;

end_not_ready:
  if
#ifdef LATE_GO_IS_TAKEN
  :: d_step { runner[e] == WAITS && go[e] -> stop_waiting(); runner[e] = STARTS }
#else
  :: d_step { runner[e] == WAITS && go[e] && age[e] <= GO_LIMIT -> stop_waiting(); runner[e] = STARTS }
  :: d_step { runner[e] == WAITS && go[e] && age[e] > GO_LIMIT -> stop_waiting(); discard_upload(); SAY(LATE) };
    goto end_not_ready
#endif
  :: d_step { runner[e] == WAITS && !link_up[e] -> stop_waiting(); discard_upload() }; goto end_not_ready
  fi;

  if
  :: d_step { !EXECUTE ->
      assert(STRICT(IN_LEASE(e)));
      assert(SCRIPT_IS_THERE(e));
      placed = true; runner[e] = NONE; discard_upload(); SAY(PLACED) };
    goto end_not_ready
  /* start: the directory, the lock in it, and under the lock whether it was started */
#ifdef GUARD_BY_MKDIR
  :: d_step { EXECUTE && made[OURS] -> runner[e] = NONE; followed(); SAY(FOLLOWED) }; goto end_not_ready
  :: d_step { EXECUTE && !made[OURS] -> made[OURS] = true; foreign[OURS] = false }
#else
  :: d_step { EXECUTE && lock[OURS] == FREE && !started[OURS] ->
      foreign[OURS] = foreign[OURS] && made[OURS]; made[OURS] = true; lock[OURS] = STARTER; held = true }
  :: d_step { EXECUTE && started[OURS] -> runner[e] = NONE; followed(); SAY(FOLLOWED) }; goto end_not_ready
  :: d_step { EXECUTE && lock[OURS] != FREE && !started[OURS] -> runner[e] = NONE; discard_upload(); SAY(LATE) };
     goto end_not_ready
#endif
  KILLED
  fi;
  if
  :: d_step {
      /* place: nothing changes remote_path outside a lease, nor to anything but the whole script. */
      assert(STRICT(IN_LEASE(e)));
      assert(SCRIPT_IS_THERE(e));
      placed = true; discard_upload() }
  KILLED
  fi;
  if
  :: d_step { started[OURS] = true; started_once = true } /* prepare */
  /* The disk is full. */
  :: d_step { faults > 0 -> faults--; made[OURS] = false; lock[OURS] = FREE; held = false; runner[e] = NONE; SAY(ERROR) };
    goto end_not_ready
  KILLED
  fi;
  if
  :: d_step {
      /* At most one start, and that inside a lease: so it is not after an end that was told, of whatever kind. */
      assert(script == NOT_YET);
      assert(!(status == ENDED && SAYS_NOT_STARTED));
      assert(STRICT(status != ENDED));
      assert(STRICT(IN_LEASE(e)));
      script = RUNS; lock[OURS] = SCRIPT; held = false; runner[e] = NONE; followed(); SAY(FOLLOWED) }
  KILLED
  fi;
  goto end_not_ready
}

/* The script, and the supervisor that holds the lock as long as it runs. Exit statuses other than 0 go the way of 0. */
#define ENDS(how) script = OVER; published[OURS] = how; lock[OURS] = FREE
active proctype Script() {
end_not_started:
  if
  :: d_step { script == RUNS -> ENDS(COMPLETED) }
  :: d_step { script == RUNS && kill_asked -> ENDS(CANCELLED_RUNNING) }
  :: d_step { script == RUNS && faults > 0 -> faults--; ENDS(NONE) } /* the instance reboots */
  fi;
  goto end_not_started
}

/* Assignments to clean up. While the run goes on it is refused, and given again later: here it waits. */
active proctype Cleaner() {
end_nothing:
  if
  :: d_step { run_cleanup && !made[OURS] -> skip }
  :: run_cleanup && made[OURS] && MAY_CLEAN -> remove_directory()
#ifdef CLEANUP_IS_ASKED_ONCE
  :: d_step { run_cleanup && faults > 0 -> faults--; run_cleanup = false } /* the assignment is lost */
#endif
  fi;
  if
  :: d_step { run_cleanup -> assert(STRICT(!made[OURS])); run_cleanup = false }
  :: d_step { !run_cleanup -> skip } /* another answer came first */
  :: d_step { faults > 0 -> faults-- } /* the answer is lost */
  fi;
  goto end_nothing
}
