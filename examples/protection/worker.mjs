import {
  ChangeMessageVisibilityCommand as Hide, DeleteMessageCommand as Delete, ReceiveMessageCommand as Receive,
} from "@aws-sdk/client-sqs";

const { ECS_AGENT_URI, QUEUE_URL: QueueUrl } = process.env;
const minutes = Number(process.env.PROTECTION_MINUTES), beat = Number(process.env.HEARTBEAT_SECONDS);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const sleep = (seconds) => new Promise((wake) => {
  setTimeout(wake, seconds * 1000);
  stop.signal.addEventListener("abort", wake, { once: true });
});

async function protect(on) { // a refusal comes with 200 too, such as DEPLOYMENT_BLOCKED
  const body = { ProtectionEnabled: on, ...(on && { ExpiresInMinutes: minutes }) };
  const signal = AbortSignal.timeout(3000);
  return fetch(`${ECS_AGENT_URI}/task-protection/v1/state`, { method: "PUT", body: JSON.stringify(body), signal })
    .then((answer) => answer.json()).then((told) => told.protection?.ProtectionEnabled === on).catch(() => false);
}

export async function run(sqs, work, pause = 5, poll = 20) {
  let renew = 0;
  while (!stop.signal.aborted) {
    if (Date.now() >= renew) { // at half: twice the longest job was asked for
      if (!await protect(true)) { // the messages stay in the queue, for a task that may live
        await protect(false); // what was granted before holds until it expires: ECS would wait
        await sleep(pause);
        continue;
      }
      renew = Date.now() + 30_000 * minutes;
    }
    const wanted = { QueueUrl, WaitTimeSeconds: poll, VisibilityTimeout: 3 * beat };
    const { Messages = [] } = await sqs.send(new Receive(wanted));
    for (const { Body, ReceiptHandle } of Messages) {
      const hide = (seconds) => sqs.send(new Hide({ QueueUrl, ReceiptHandle, VisibilityTimeout: seconds }));
      if (stop.signal.aborted) { // not begun: back to the queue at once
        await hide(0);
        break;
      }
      let hidden = Promise.resolve();
      const beating = setInterval(() => { hidden = hide(3 * beat).catch(console.error); }, beat * 1000); // two may fail
      try {
        await work(Body);
        clearInterval(beating); // a beat that is under way ends first: SQS refuses it once the message is gone
        await hidden;
        await sqs.send(new Delete({ QueueUrl, ReceiptHandle }));
      } catch (error) { // the message is tried anew, at most maxReceiveCount times
        console.error("failed", error);
      }
      clearInterval(beating);
    }
    if (!Messages.length) {
      await protect(false);
      renew = 0;
      await sleep(pause); // in which ECS may stop this task
    }
  }
}
