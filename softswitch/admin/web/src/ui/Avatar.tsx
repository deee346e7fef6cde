import { Icon } from "./icons.tsx";

/** Initials of a name, or a telephone for a number. */
export function Avatar({ name, calling = false }: { name: string; calling?: boolean }) {
  const words = name.split(/[\s._-]+/).filter((word) => /^\p{L}/u.test(word));
  const initials = [words[0], words.length > 1 ? words[words.length - 1] : undefined]
    .map((word) => word?.[0] ?? "")
    .join("")
    .toUpperCase();
  return (
    <span class={calling ? "avatar calling" : "avatar"} aria-hidden="true">
      {initials === "" ? <Icon name="phone" /> : initials}
    </span>
  );
}
