/** The page's side of `POST /api/session`: from user and password, or a token, to what a SIP session needs. */

export interface Session {
  /** Signed and short-lived; it stands for the password everywhere else. */
  readonly token: string;
  /** Seconds from when it was given. */
  readonly expires_in: number;
  /** The address of record, "sip:1001@example.org". */
  readonly uri: string;
  /** Where SIP is spoken: "wss://example.org/sip", or "/sip" for where the page came from. */
  readonly websocket: string;
  readonly ice_servers: RTCIceServer[];
  readonly display_name: string;
}

export type Credential = { readonly user: string; readonly password: string } | { readonly token: string };

/** The server would not have us; the message is for the user. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** The server could not be asked at all. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Nobody can go on with the session's tokens. Where the server cannot be asked, they end by themselves. */
export async function closeSession(token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  try {
    await fetch("/api/session", { method: "DELETE", headers, credentials: "omit", keepalive: true });
  } catch {
    return;
  }
}

export async function openSession(credential: Credential): Promise<Session> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  let body = "{}";
  if ("token" in credential) headers["Authorization"] = `Bearer ${credential.token}`;
  else body = JSON.stringify({ user: credential.user, password: credential.password });
  let answer: Response;
  try {
    answer = await fetch("/api/session", { method: "POST", headers, body, credentials: "omit" });
  } catch {
    throw new Unreachable("The server cannot be reached. Check your connection.");
  }
  if (answer.ok) return (await answer.json()) as Session;
  switch (answer.status) {
    case 401:
      throw new Refused("token" in credential ? "Your session has ended. Sign in again." : "User or password is wrong.");
    case 403:
      throw new Refused("This user may not sign in here.");
    case 429:
      throw new Refused("Too many attempts. Wait a moment, then try again.");
    default:
      throw new Unreachable(`The server has a problem (${answer.status}). Try again in a moment.`);
  }
}
