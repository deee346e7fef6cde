import { useEffect, useState } from "preact/hooks";

import { closeSession, type Credential, openSession, Refused, type Session } from "../call/api.ts";
import { obstacle } from "../call/devices.ts";
import { forgetToken, keepToken, keptToken, takeTokenFromAddress } from "./credentials.ts";
import { PhonePage } from "./PhonePage.tsx";
import { SignIn } from "./SignIn.tsx";

/** Signing in, then the phone. */
export function App() {
  const [session, setSession] = useState<Session>();
  const [problem, setProblem] = useState(obstacle() ?? "");
  const [busy, setBusy] = useState(false);

  const signIn = async (credential: Credential) => {
    setBusy(true);
    setProblem("");
    try {
      const opened = await openSession(credential);
      keepToken(opened.token);
      setSession(opened);
    } catch (error) {
      if (error instanceof Refused) forgetToken();
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const signOut = (why: string) => {
    const token = keptToken();
    if (why === "" && token !== undefined) void closeSession(token);
    forgetToken();
    setProblem(why);
    setSession(undefined);
  };
  useEffect(() => {
    const token = takeTokenFromAddress() ?? keptToken();
    if (token !== undefined && problem === "") void signIn({ token });
  }, []);

  if (session !== undefined) return <PhonePage session={session} onSignOut={signOut} />;
  return <SignIn busy={busy} problem={problem} onSubmit={(credential) => void signIn(credential)} />;
}
