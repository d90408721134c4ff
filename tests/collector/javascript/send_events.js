// Sends one event by the real CloudEvents SDK: `node send_events.js <binary|structured|batch> <url> <token> <id>`.
// Prints {status, body} as JSON.
"use strict";

const { CloudEvent, HTTP } = require("cloudevents");

const [mode, url, token, id] = process.argv.slice(2);
const event = (name) =>
  new CloudEvent({
    id: name,
    source: "/storefront",
    type: "payment.succeeded",
    // The SDK writes headers as they are, without percent-encoding: only ASCII comes through.
    subject: "Order 7",
    sequence: "0001",
    data: { payment_id: name, amount_minor: 4990, currency: "EUR" },
  });

(async () => {
  let message;
  if (mode === "batch") {
    const events = [event(`${id}-1`), event(`${id}-2`)];
    const headers = { "Content-Type": "application/cloudevents-batch+json" };
    message = { headers, body: JSON.stringify(events.map((one) => one.toJSON())) };
  } else {
    message = HTTP[mode](event(id));
  }
  const headers = { ...message.headers, Authorization: `Bearer ${token}` };
  const answer = await fetch(url, { method: "POST", headers, body: message.body });
  process.stdout.write(JSON.stringify({ status: answer.status, body: await answer.json() }));
})();
