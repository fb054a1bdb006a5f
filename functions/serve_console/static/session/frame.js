// Asks the issuer in a hidden frame, so that the page stays.

// An issuer that answers nothing must not keep a person waiting.
const LONGEST_MS = 10_000;
// The frame's message may come after its `load` event.
const AFTER_LOAD_MS = 500;

// In the frame: hands the issuer's answer to the page that opened it. Returns whether this is such a frame.
export function answerFromFrame() {
  if (window.parent === window) return false;
  window.parent.postMessage(location.search, location.origin);
  window.stop(); // nothing else of the page is needed here
  return true;
}

// Returns the issuer's answer, or null where issuer or browser do not allow this.
export function askInFrame(url) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  return new Promise((resolve) => {
    const finish = (answer) => {
      clearTimeout(timer);
      window.removeEventListener("message", listen);
      frame.remove();
      resolve(answer);
    };
    const listen = ({ source, origin, data }) => {
      if (source === frame.contentWindow && origin === location.origin) finish(new URLSearchParams(data));
    };
    let timer = setTimeout(finish, LONGEST_MS, null);
    frame.addEventListener("load", () => {
      clearTimeout(timer);
      timer = setTimeout(finish, AFTER_LOAD_MS, null);
    });
    window.addEventListener("message", listen);
    frame.src = url;
    document.documentElement.append(frame);
  });
}
