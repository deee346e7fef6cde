/** What tells somebody who looks elsewhere that there is a call: the title of the tab, and a notification. */

const TITLE = "Phone";

/** Shows that `name` calls; returns the function that ends it. */
export function callOut(name: string): () => void {
  document.title = `☎ ${name} is calling`;
  let notification: Notification | undefined;
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    notification = new Notification("Incoming call", { body: name, tag: "softswitch-call", requireInteraction: true });
    notification.onclick = () => {
      window.focus();
      notification?.close();
    };
  }
  return () => {
    document.title = TITLE;
    notification?.close();
  };
}

/** Whether the browser would ask the user about notifications if we asked it. */
export function mayAsk(): boolean {
  return "Notification" in window && Notification.permission === "default";
}

export async function ask(): Promise<void> {
  await Notification.requestPermission();
}
