#include <unistd.h>

#include "tests/hostile/behaviours.h"
#include "tests/hostile/runner.h"

namespace longshore::hostile {
namespace {

// Numbers.

// The run is said to begin at that offset, and prints a byte.
void RunningAt(Lies* lies, const std::string& offset) {
  lies->run = [offset](Runner* runner) {
    runner->Running(offset);
    runner->Print("x");
  };
}

void RunningHuge(Lies* lies) { RunningAt(lies, "9223372036854775807"); }
void RunningAhead(Lies* lies) { RunningAt(lies, "1000"); }
void RunningNegative(Lies* lies) { RunningAt(lies, "-1"); }

void RunningTwice(Lies* lies) {
  lies->run = [](Runner* runner) {
    runner->Running("0");
    runner->Print("hel");
    runner->Say("running 77777");
    runner->Print("lo\n");
    runner->Say("running 3");
    runner->End();
  };
}

// What it prints is "hello"; `record` is the last word.
void EndsWith(Lies* lies, const std::string& record) {
  lies->run = [record](Runner* runner) {
    runner->Running("0");
    runner->Print("hello\n");
    runner->Say(record);
  };
}

void EndHuge(Lies* lies) { EndsWith(lies, "end 9223372036854775807 exit 0 100.00 100.10 none"); }
void EndShort(Lies* lies) { EndsWith(lies, "end 2 exit 0 100.00 100.10 none"); }
void EndAbsurdDuration(Lies* lies) { EndsWith(lies, "end 6 exit 0 1.00 10000000000.00 none"); }
void EndBackwards(Lies* lies) { EndsWith(lies, "end 6 exit 0 200.00 100.00 none"); }
void EndAbsurdCode(Lies* lies) { EndsWith(lies, "end 6 exit 4711 100.00 100.10 none"); }
void EndAbsurdSignal(Lies* lies) { EndsWith(lies, "end 6 signal 9999 100.00 100.10 none"); }
void EndAbsurdCause(Lies* lies) { EndsWith(lies, "end 6 exit 0 100.00 100.10 nonsense"); }
// 255 is what a script may well end with.
void EndCode255(Lies* lies) { EndsWith(lies, "end 6 exit 255 100.00 100.10 none"); }
void LostGarbage(Lies* lies) { EndsWith(lies, "lost 9223372036854775807 " + Garbage(kLong)); }

void EndWithoutRunning(Lies* lies) {
  lies->run = [](Runner* runner) { runner->End(); };
}

// Texts.

void SayGarbage(Runner* runner) {
  runner->Say("");
  runner->Say("hooray 1 2 3");
  runner->Say(Garbage(300));
  runner->Say("running");
  runner->Say("end end end");
  runner->Say("lost");
  runner->Say(Garbage(1 << 20));
  runner->SayRaw(Garbage(5000) + "\n");
}

void RecordsGarbage(Lies* lies) {
  lies->start = [](Runner* runner) {
    SayGarbage(runner);
    runner->Say("ready");
    if (runner->NextCommand() != "go") return;
    SayGarbage(runner);
    runner->Running("0");
    SayGarbage(runner);
    runner->Print("hello\n");
    SayGarbage(runner);
    runner->End();
  };
}

// It says `record` where it should say what became of the start.
void AnswersTheStartWith(Lies* lies, const std::string& record) {
  lies->start = [record](Runner* runner) {
    runner->Say("ready");
    if (runner->NextCommand() == "go") runner->Say(record);
  };
}

void ErrorLong(Lies* lies) { AnswersTheStartWith(lies, "error " + Garbage(kLong)); }
void NotPlacedGarbage(Lies* lies) { AnswersTheStartWith(lies, "not-placed " + Garbage(kLong)); }
void RefusedGarbage(Lies* lies) { AnswersTheStartWith(lies, "refused " + Garbage(kLong)); }
void AbsentAfterGo(Lies* lies) { AnswersTheStartWith(lies, "absent"); }
void CleanedAfterGo(Lies* lies) { AnswersTheStartWith(lies, "cleaned"); }

void NeedScriptForever(Lies* lies) {
  lies->start = [](Runner* runner) { runner->Say("need-script"); };
}

void ReadyForever(Lies* lies) {
  lies->start = [](Runner* runner) {
    do {
      runner->Say("ready");
    } while (runner->NextCommand().has_value());
  };
}

void NoiseOnly(Lies* lies) {
  lies->start = [](Runner* runner) {
    runner->SayRaw(Garbage(kLong) + "\n");
    _exit(0);
  };
}

// Floods, and the lack of an end.

void FloodIgnore(Lies* lies) {
  lies->run = [](Runner* runner) {
    runner->Running("0");
    const std::string data(100, 'i');
    // Many at a time, so that it sends faster than anybody reads. A flush of a connection that
    // broke succeeds.
    do {
      for (int i = 0; i < 500; ++i) ssh_send_ignore(runner->session(), data.c_str());
    } while (ssh_blocking_flush(runner->session(), -1) == SSH_OK &&
             ssh_is_connected(runner->session()) != 0);
    _exit(0);
  };
}

void FloodOutput(Lies* lies) {
  lies->run = [](Runner* runner) {
    runner->Running("0");
    const std::string data(32768, 'o');
    while (true) runner->Print(data);
  };
}

void FloodStderr(Lies* lies) {
  lies->run = [](Runner* runner) {
    runner->Running("0");
    const std::string data(32768, 'e');
    while (true) runner->SayRaw(data);
  };
}

void FloodRecords(Lies* lies) {
  lies->run = [](Runner* runner) {
    runner->Running("0");
    while (true) runner->Say("alive");
  };
}

// Before it says "ready".
void FloodBeforeReady(Lies* lies) {
  lies->start = [](Runner* runner) {
    const std::string data(32768, 'b');
    while (true) runner->SayRaw(data);
  };
}

void NeverCleans(Lies* lies) { lies->obeys = false; }

void NeverEnds(Lies* lies) {
  lies->obeys = false;
  lies->run = [](Runner* runner) {
    runner->Running("0");
    runner->Print("hello\n");
  };
}

constexpr Behaviour kBehaviours[] = {
    {"running_huge", RunningHuge},
    {"running_ahead", RunningAhead},
    {"running_negative", RunningNegative},
    {"running_twice", RunningTwice},
    {"end_huge", EndHuge},
    {"end_short", EndShort},
    {"end_absurd_duration", EndAbsurdDuration},
    {"end_backwards", EndBackwards},
    {"end_absurd_code", EndAbsurdCode},
    {"end_absurd_signal", EndAbsurdSignal},
    {"end_absurd_cause", EndAbsurdCause},
    {"end_code_255", EndCode255},
    {"end_without_running", EndWithoutRunning},
    {"lost_garbage", LostGarbage},
    {"records_garbage", RecordsGarbage},
    {"error_long", ErrorLong},
    {"not_placed_garbage", NotPlacedGarbage},
    {"refused_garbage", RefusedGarbage},
    {"absent_after_go", AbsentAfterGo},
    {"cleaned_after_go", CleanedAfterGo},
    {"need_script_forever", NeedScriptForever},
    {"ready_forever", ReadyForever},
    {"noise_only", NoiseOnly},
    {"flood_ignore", FloodIgnore},
    {"flood_output", FloodOutput},
    {"flood_stderr", FloodStderr},
    {"flood_records", FloodRecords},
    {"flood_before_ready", FloodBeforeReady},
    {"never_ends", NeverEnds},
    {"never_cleans", NeverCleans},
};

}  // namespace

std::span<const Behaviour> RunBehaviours() { return kBehaviours; }

}  // namespace longshore::hostile
