import { CALL_KEYS } from "../ui/CallPanel.tsx";
import { Dialog } from "../ui/Dialog.tsx";

const ROWS: readonly (readonly [string, string])[] = [
  [CALL_KEYS.answer, "Answer, or call the number in the field"],
  [CALL_KEYS.end, "Decline, cancel or end the call"],
  [CALL_KEYS.mute, "Mute or unmute the microphone"],
  [CALL_KEYS.hold, "Hold or resume the call"],
  ["0–9 * #", "Send digits while the keypad has the focus"],
  ["Tab", "Go to the next button or field"],
  ["Esc", "Close a window"],
];

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="shortcuts">
        {ROWS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
