/** A value that tells its listeners when it changes: all that the pages need to know of state. */
export class Observable<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** Changes some fields of an object; nothing is told when all of them had that value already. */
  patch(fields: Partial<T>): void {
    const names = Object.keys(fields) as (keyof T)[];
    if (names.some((name) => !Object.is(fields[name], this.#value[name]))) this.set({ ...this.#value, ...fields });
  }

  /** Calls `listener` at each change from now on; returns the function that ends that. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
