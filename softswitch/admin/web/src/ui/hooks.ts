import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

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
  const current = useRef(handlers);
  current.current = handlers;
  // Before anything is painted: whoever sees that a call comes can answer it.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const handler = event.altKey || event.ctrlKey || event.metaKey ? undefined : current.current[event.key];
      if (handler === undefined || event.repeat) return;
      event.preventDefault();
      handler();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}

/** The field to type into first. Not on touch screens, where a focus covers half of the page with a keyboard. */
export function useFirstField(): RefObject<HTMLInputElement | null> {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  return field;
}
