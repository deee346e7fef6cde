/** The token lasts as long as the tab: a reload keeps the phone, a closed tab forgets it. */

const KEPT_AS = "softswitch.token";

/** From `#token=...`, which goes to no server and is taken out of the address and the history at once. */
export function takeTokenFromAddress(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}

export function keptToken(): string | undefined {
  return sessionStorage.getItem(KEPT_AS) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEPT_AS, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEPT_AS);
}

const INSTANCE_KEPT_AS = "softswitch.instance";

/** This browser's name in registrations (RFC 5626): the same after a reload, so that no dead one is left behind. */
export function instance(): string {
  const kept = localStorage.getItem(INSTANCE_KEPT_AS);
  if (kept !== null && /^[0-9a-f-]{36}$/.test(kept)) return kept;
  const made = crypto.randomUUID();
  localStorage.setItem(INSTANCE_KEPT_AS, made);
  return made;
}
