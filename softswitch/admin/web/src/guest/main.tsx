import { render } from "preact";

import "../style/base.css";
import "../style/call.css";
import "../style/guest.css";
import { GuestPage } from "./GuestPage.tsx";
import { tokenOf } from "./link.ts";

render(<GuestPage token={tokenOf(location.pathname)} />, document.getElementById("page") as HTMLElement);
