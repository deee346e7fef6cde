import { useState } from "preact/hooks";

import { TextButton } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";

/** To whom a call is handed over, and whether they are asked first. */
export function TransferDialog({
  name,
  onBlind,
  onAsk,
  onClose,
}: {
  name: string;
  onBlind: (target: string) => void;
  onAsk: (target: string) => void;
  onClose: () => void;
}) {
  const [target, setTarget] = useState("");
  const empty = target.trim() === "";
  return (
    <Dialog title={`Transfer ${name}`} onClose={onClose}>
      <form
        class="transfer"
        onSubmit={(event) => {
          event.preventDefault();
          if (!empty) onBlind(target.trim());
        }}
      >
        <label>
          To
          <input
            placeholder="Number or name"
            value={target}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            autofocus
            onInput={(event) => setTarget(event.currentTarget.value)}
          />
        </label>
        <p>“Transfer now” connects them at once. “Ask first” holds {name} while you speak to the other person.</p>
        <div class="choices">
          <TextButton disabled={empty} onClick={() => onAsk(target.trim())}>
            Ask first
          </TextButton>
          <TextButton type="submit" look="strong" disabled={empty}>
            Transfer now
          </TextButton>
        </div>
      </form>
    </Dialog>
  );
}
