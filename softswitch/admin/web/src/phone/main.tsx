import { render } from "preact";

import "../style/base.css";
import "../style/call.css";
import "../style/phone.css";
import { App } from "./App.tsx";

render(<App />, document.getElementById("page") as HTMLElement);
