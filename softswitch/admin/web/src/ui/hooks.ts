import { useEffect, useState } from "preact/hooks";

import type { Observable } from "../call/observable.ts";

/** The value of `source`, and a new rendering whenever it changes. */
export function useValue<T>(source: Observable<T>): T {
  const [, setCount] = useState(0);
  useEffect(() => source.subscribe(() => setCount((count) => count + 1)), [source]);
  return source.value;
}

/** Renders again every second while `running`. */
export function useSeconds(running: boolean): void {
  const [, setCount] = useState(0);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setCount((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [running]);
}

/** Calls the handler of a key pressed anywhere in the page; keys without one are left to the browser. */
export function useKeys(handlers: Record<string, (() => void) | undefined>): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const handler = event.altKey || event.ctrlKey || event.metaKey ? undefined : handlers[event.key];
      if (handler === undefined || event.repeat) return;
      event.preventDefault();
      handler();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  });
}
