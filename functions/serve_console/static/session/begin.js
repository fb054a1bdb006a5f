// The page's first module: signs in, or offers to, while the others load.

import { sentence } from "../values/formats.js";
import { session as words } from "../words/session.js";
import { welcome } from "./offers.js";
import { isExpected, resume } from "./session.js";

// Before the first paint: the head of the page keeps its height when the sections appear.
if (isExpected()) document.documentElement.classList.add("signed-in");

// Whether a person is signed in; if not, the page says what to do.
export const started = resume().then((signedIn) => {
  if (!signedIn) offer("", signedIn === null ? words.closeWindow : "");
  return Boolean(signedIn);
}, (error) => {
  offer(words.failed(sentence(error.message)));
  return false;
});

function offer(...what) {
  document.documentElement.classList.remove("signed-in");
  welcome(...what);
}
