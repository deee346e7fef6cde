const KEYS: readonly (readonly [string, string])[] = [
  ["1", ""],
  ["2", "ABC"],
  ["3", "DEF"],
  ["4", "GHI"],
  ["5", "JKL"],
  ["6", "MNO"],
  ["7", "PQRS"],
  ["8", "TUV"],
  ["9", "WXYZ"],
  ["*", ""],
  ["0", "+"],
  ["#", ""],
];
const SPOKEN: Record<string, string> = { "*": "star", "#": "hash" };

/** The twelve keys. While one of them has the focus, digits typed on the keyboard count as well. */
export function Keypad({ onKey, label }: { onKey: (digit: string) => void; label: string }) {
  const typed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !/^[0-9*#]$/.test(event.key)) return;
    event.preventDefault();
    onKey(event.key);
  };
  return (
    <div class="keypad" role="group" aria-label={label} onKeyDown={typed}>
      {KEYS.map(([digit, letters]) => (
        <button type="button" key={digit} onClick={() => onKey(digit)} aria-label={SPOKEN[digit] ?? digit}>
          <span class="digit">{digit}</span>
          <span class="letters">{letters}</span>
        </button>
      ))}
    </div>
  );
}
