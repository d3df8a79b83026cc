/* Leases that are renewed together (docs/adr/0015-leases-in-groups.md): two leases of one worker, which are of a group to begin
 * with; every statement with the steps that PostgreSQL lets others come between; and a housekeeper that gives to others what has
 * run out. README.md says what is modelled and what each planted bug is. */

#define TASKS 2
#define GROUPS 3 /* 0: of none, whose lease is its own; 1: the first one; 2: one that is made. */
#define LEASE 1
/* What the first group may have left to begin with: by an api_server whose leases last longer. */
#define LONGER 2

#ifndef TICKS
#define TICKS 2
#endif

/* ------------------------------------------------------------------------------------------------------- the database */

/* tasks: still its lease, by the group or by itself; what is left of the latter; who has locked the row. */
bool held[TASKS] = true;
byte group_of[TASKS] = 1;
byte own_left[TASKS];
bool task_locked[TASKS];
/* The lease has run out and is somebody else's. */
bool given[TASKS];

/* lease_groups. */
bool there[GROUPS];
byte left[GROUPS];
byte changes[GROUPS];
bool ended[GROUPS];
bool group_locked[GROUPS];

/* ---------------------------------------------------------------------------------------------------------- the worker */

/* What it counts the lease to be good for, and the group that it takes it for a part of. */
byte valid[TASKS];
byte relies_on[TASKS] = 1;

/* ------------------------------------------------------------------------------------- times that run down by themselves */

/* Of each request: since when the worker counts it, and the new time that is written and not committed yet. */
#define REQUESTS 4
byte sent[REQUESTS];
byte written[REQUESTS];
byte ticks;

#define RUN_DOWN(time) time = (time > 0 -> time - 1 : 0)

active proctype Clock() {
  byte i;
end:
  do
  :: d_step { ticks < TICKS ->
       ticks++;
       for (i : 0 .. TASKS - 1) { RUN_DOWN(own_left[i]); RUN_DOWN(valid[i]) }
       for (i : 0 .. GROUPS - 1) { RUN_DOWN(left[i]) }
       for (i : 0 .. REQUESTS - 1) { RUN_DOWN(sent[i]); RUN_DOWN(written[i]) }
       i = 0
     }
  od
}

#define LARGER(one, other) (one > other -> one : other)

/* The end of a request: what nobody looks at any more is the same in every state. */
inline over() {
  sent[me] = 0;
  written[me] = 0;
  goto end_over
}

/* The worker relies on a lease until then: nobody else may have it. LeaseTable::Renew. */
inline renewed(i, until) {
  valid[i] = LARGER(valid[i], until);
  assert(valid[i] == 0 || !given[i])
}

#define IN(i, g) (held[i] && group_of[i] == g)

/* ---------------------------------------------------------------------------------------------------------- renewals */

#ifdef ENDED_IS_RENEWED
#define NOT_ENDED(g) true
#else
#define NOT_ENDED(g) !ended[g]
#endif
#ifdef CHANGES_ARE_NOT_COMPARED
#define UNCHANGED(g) true
#else
#define UNCHANGED(g) (changes[g] == counted)
#endif

/* LeaseTable::Groups, lease_store::RenewGroups: one statement. It counts the tasks as they were when it began, and looks at the
 * group's row again when it has come to write it. */
proctype RenewGroup(byte me, g) {
  bool names[TASKS];
  byte counted;
  bool same;
  atomic { /* The heartbeat. */
    names[0] = relies_on[0] == g;
    names[1] = relies_on[1] == g;
    if
    :: !names[0] && !names[1] -> over()
    :: else -> sent[me] = LEASE
    fi
  }
  atomic { /* The statement's view of everything. */
    counted = changes[g];
    same = there[g] && IN(0, g) == names[0] && IN(1, g) == names[1];
#ifdef COUNTS_ARE_NOT_COMPARED
    same = there[g] && (IN(0, g) || IN(1, g));
#endif
  }
  atomic { !group_locked[g] || !same ->
    if
    :: same && NOT_ENDED(g) && UNCHANGED(g) -> group_locked[g] = true; written[me] = LEASE
    :: else -> /* LeaseTable::Dissolve. */
       relies_on[0] = (relies_on[0] == g -> 0 : relies_on[0]);
       relies_on[1] = (relies_on[1] == g -> 0 : relies_on[1]);
       names[0] = false; names[1] = false; counted = 0; same = false;
       over()
    fi
  }
  atomic { /* Its end: all of it, or nothing. */
    group_locked[g] = false;
    names[0] = false; names[1] = false; counted = 0; same = false;
    if
    :: left[g] = LARGER(left[g], written[me]); written[me] = 0
    :: over()
    fi
  }
  atomic { /* The answer, whenever it comes. ServerLink, LeaseTable::RenewGroups. */
    if
    :: relies_on[0] == g -> renewed(0, sent[me])
    :: else
    fi;
    if
    :: relies_on[1] == g -> renewed(1, sent[me])
    :: else
    fi;
    over()
  }
end_over: false
}

/* What is left of a lease that leaves a group or joins one. */
#ifdef END_MOVES_BACK
#define BEFORE(i) (group_of[i] == 0 -> own_left[i] : 0)
#else
#define BEFORE(i) (group_of[i] == 0 -> own_left[i] : left[group_of[i]])
#endif

/* lease_store::RenewGrouped, three statements of a transaction. (What is of no group is renewed by one of them.) */
proctype RenewAlone(byte me, i) {
  byte old;
  atomic { /* LeaseTable::TakeSingle. The worker may dissolve a group at any moment: a new stream. */
    relies_on[i] = 0;
    sent[me] = LEASE
  }
  atomic { !task_locked[i] ->
    if
    :: held[i] -> task_locked[i] = true; old = group_of[i]
    :: else -> over()
    fi
  }
  if
  :: old != 0 -> atomic { !group_locked[old] -> group_locked[old] = true }
  :: else
  fi;
  written[me] = LEASE;
  atomic {
    if
    :: own_left[i] = LARGER(BEFORE(i), written[me]);
       group_of[i] = 0;
#ifndef LEAVING_IS_NOT_COUNTED
       changes[old] = (old != 0 -> changes[old] + 1 : 0)
#endif
    :: sent[me] = 0 /* It failed. */
    fi;
    written[me] = 0;
    group_locked[old] = false;
    task_locked[i] = false;
    old = 0
  }
  atomic { renewed(i, sent[me]); over() }
end_over: false
}

/* LeaseTable::TakeSettled, lease_store::MakeGroup: a group of `first` and maybe of the other one. It skips what is locked. */
proctype MakeGroup(byte me) {
  bool names[TASKS];
  bool old_one;
  bool made = true;
  byte i;
  atomic {
    names[0] = true;
    if
    :: names[1] = true
    :: skip
    fi;
    relies_on[0] = 0;
    relies_on[1] = (names[1] -> 0 : relies_on[1]);
    sent[me] = LEASE
  }
  atomic {
    for (i : 0 .. TASKS - 1) {
      names[i] = names[i] && held[i] && !task_locked[i];
      old_one = old_one || (names[i] && group_of[i] == 1);
      task_locked[i] = task_locked[i] || names[i]
    }
    i = 0;
    if
    :: !names[0] && !names[1] -> over()
    :: else
    fi
  }
  if
  :: old_one -> atomic { !group_locked[1] -> group_locked[1] = true }
  :: else
  fi;
  written[me] = LEASE;
  atomic {
    if
    :: there[2] = true;
       left[2] = written[me];
       left[2] = (names[0] -> LARGER(left[2], BEFORE(0)) : left[2]);
       left[2] = (names[1] -> LARGER(left[2], BEFORE(1)) : left[2]);
       group_of[0] = (names[0] -> 2 : group_of[0]);
       group_of[1] = (names[1] -> 2 : group_of[1]);
#ifndef LEAVING_IS_NOT_COUNTED
       changes[1] = (old_one -> changes[1] + 1 : changes[1])
#endif
    :: made = false
    fi;
    written[me] = 0;
    group_locked[1] = (old_one -> false : group_locked[1]);
    task_locked[0] = (names[0] -> false : task_locked[0]);
    task_locked[1] = (names[1] -> false : task_locked[1]);
    old_one = false;
    if
    :: made
    :: else -> names[0] = false; names[1] = false; over()
    fi
  }
  atomic { /* LeaseTable::SetGroup and Renew. */
    for (i : 0 .. TASKS - 1) {
      if
      :: names[i] -> relies_on[i] = 2; renewed(i, sent[me])
      :: else
      fi
    }
    i = 0; names[0] = false; names[1] = false;
    over()
  }
end_over: false
}

/* ------------------------------------------------------------------------------------------------------- what gives away */

/* lease_store::EndGroups. */
proctype EndGroup(byte g) {
end:
  atomic { there[g] && left[g] == 0 && !group_locked[g] -> group_locked[g] = true };
  atomic { ended[g] = true; group_locked[g] = false }
}

#ifdef TIME_INSTEAD_OF_MARK
#define OVER(g) (left[g] == 0)
#else
#define OVER(g) ended[g]
#endif
#define EXPIRED(i) ((group_of[i] == 0 && own_left[i] == 0) || (group_of[i] != 0 && OVER(group_of[i])))

/* lease_store::ReapExpired, and somebody else's claim. */
proctype Reap(byte i) {
  bool judged;
end:
  do
  :: atomic { held[i] && !task_locked[i] && EXPIRED(i) ->
#ifdef JUDGED_BEFORE_LOCKED
       judged = true
     };
     atomic { !task_locked[i] -> task_locked[i] = true };
#else
       task_locked[i] = true };
     judged = EXPIRED(i);
#endif
     atomic {
       if
       :: judged && held[i] ->
          held[i] = false;
          given[i] = true;
          assert(valid[i] == 0)
       :: else
       fi;
       task_locked[i] = false;
       judged = false
     }
  od
}

/* A task ends, and the worker notices later: until then it names one more than there are in the group. */
proctype TaskEnds() {
end:
  atomic { !task_locked[1] && held[1] -> held[1] = false };
  atomic { valid[1] = 0; relies_on[1] = 0 }
}

init {
  atomic {
    there[1] = true;
    if
    :: left[1] = LEASE
    :: left[1] = LONGER
    fi;
    valid[0] = left[1];
    valid[1] = left[1];
    run EndGroup(1);
    run EndGroup(2);
    run Reap(0);
    run Reap(1);
    run RenewAlone(0, 0);
#ifndef FEWER
    run RenewGroup(1, 1);
#endif
    run MakeGroup(2);
    run RenewGroup(3, 2);
#ifndef FEWER
    run TaskEnds()
#endif
  }
}
