// A value that views follow.

import { useEffect, useState } from 'preact/hooks';

export class State<T> {
  private followers = new Set<() => void>();
  private current: T;

  constructor(initial: T) {
    this.current = initial;
  }

  get value(): T {
    return this.current;
  }

  set value(next: T) {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const follower of [...this.followers]) follower();
  }

  // Returns how to stop.
  follow(follower: () => void): () => void {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }
}

export function useValue<T>(state: State<T>): T {
  const [value, set] = useState(state.value);
  useEffect(() => {
    const take = () => set(() => state.value);
    take(); // It may have changed between the first rendering and now.
    return state.follow(take);
  }, [state]);
  return value;
}
