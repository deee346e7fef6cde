/** From what a person types or pastes to what is dialled. Pure. */

/** A number loses what only makes it readable ("+49 (30) 123-45"); a name or a SIP address stays as it is. */
export function dialable(text: string): string {
  const trimmed = text.trim();
  return /^[+\d*#(][\d\s()./*#-]*$/.test(trimmed) ? trimmed.replace(/[\s()./-]/g, "") : trimmed;
}

/** The part of an address that people know: without scheme and host. */
export function shown(address: string): string {
  return address.replace(/^sips?:/i, "").replace(/@.*$/, "");
}
