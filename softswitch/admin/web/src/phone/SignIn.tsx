import { useState } from "preact/hooks";

import type { Credential } from "../call/api.ts";
import { TextButton } from "../ui/Button.tsx";
import { useFirstField } from "../ui/hooks.ts";
import { Icon } from "../ui/icons.tsx";

export function SignIn({
  busy,
  problem,
  onSubmit,
}: {
  busy: boolean;
  problem: string;
  onSubmit: (credential: Credential) => void;
}) {
  const field = useFirstField();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit({ user: user.trim(), password });
        }}
      >
        <span class="mark">
          <Icon name="phone" />
        </span>
        <h1>Sign in to your phone</h1>
        <label>
          User
          <input
            ref={field}
            name="user"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={user}
            onInput={(event) => setUser(event.currentTarget.value)}
          />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <TextButton type="submit" look="strong" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </TextButton>
      </form>
    </main>
  );
}
