// Targets on their way from the fleet to a new deployment, when they are too many for a URL.

let targets: readonly number[] = [];

export function keepTargets(ids: readonly number[]): void {
  targets = ids;
}

export function keptTargets(): readonly number[] {
  return targets;
}
