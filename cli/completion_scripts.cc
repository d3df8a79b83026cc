#include "cli/completion_scripts.h"

namespace longshore::cli {
namespace {

// Bash makes words of their own of the "=" in "--output=json".
constexpr char kBash[] = R"(# bash completion of longshore: source <(longshore completion bash)
_longshore() {
  local word words=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    [ "$word" = = ] || words+=("$word")
  done
  [ "${COMP_WORDS[COMP_CWORD]}" != = ] || words+=("")
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [ "$word" = :files ]; then
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]}")
    else
      COMPREPLY+=("$word")
    fi
  done < <("${1/#\~/$HOME}" __complete "${words[@]}" 2> /dev/null)
}
complete -F _longshore longshore
)";

constexpr char kZsh[] = R"(#compdef longshore
# zsh completion of longshore: source <(longshore completion zsh), or a file _longshore in a folder of $fpath
_longshore() {
  local line files
  local -a candidates
  for line in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2> /dev/null)}"; do
    if [[ $line == :files ]]; then
      files=yes
    elif [[ -n $line ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  if [[ -n $files ]]; then _files; fi
  if (( $#candidates )); then _describe -t longshore longshore candidates; fi
}
if [[ $funcstack[1] == _longshore ]]; then _longshore "$@"; else compdef _longshore longshore; fi
)";

constexpr char kFish[] = R"(# fish completion of longshore: longshore completion fish | source
function __longshore_complete
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    for line in ($words[1] __complete $words[2..] "$begun" 2> /dev/null)
        if test "$line" = :files
            __fish_complete_path "$begun"
        else
            echo $line
        end
    end
end
complete -c longshore -f -a '(__longshore_complete)'
)";

}  // namespace

const std::vector<CompletionScript>& CompletionScripts() {
  static const auto* const kScripts =
      new std::vector<CompletionScript>{{"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};
  return *kScripts;
}

}  // namespace longshore::cli
