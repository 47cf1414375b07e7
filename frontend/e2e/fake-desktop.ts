/** Takes the place of the Wails binding: the mock behind window.go and window.runtime. */
import { MockLedger } from "../src/lib/client/mock";
import type { DesktopBinding } from "../src/lib/client/wails";

interface DesktopScope {
  go: { app: { App: DesktopBinding } };
  runtime: Window["runtime"];
  evidentDrop(paths: string[]): void;
}

const scope = window as unknown as DesktopScope;
const ledger = new MockLedger();
ledger.pinned = true;

scope.go = { app: { App: { Invoke: (method, params) => ledger.invoke(method, params) } } };
scope.runtime = {
  EventsOn(_name, handler) {
    ledger.onEvent(handler);
    return () => {};
  },
  OnFileDrop(handler) {
    scope.evidentDrop = (paths) => handler(0, 0, paths);
  },
};
