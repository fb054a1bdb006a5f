// The Idempotency-Key of what a form creates.

// `of(body)` is the same key until the body changes or `done()` says that the thing was created: a request that is repeated
// after a lost answer creates nothing twice.
export function keys(random = () => crypto.randomUUID()) {
  let key = null;
  let sent = null;
  return {
    of(body) {
      const text = JSON.stringify(body);
      if (text !== sent) [key, sent] = [random(), text];
      return key;
    },
    done() {
      sent = null;
    },
  };
}
