// Reads {"name": "Mermaid text", …}. Answers for each what Mermaid's own parser complains of, and the texts it read.
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html>");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");

const texts = {
  "flowchart-v2": (db) => [
    ...[...db.getVertices().values()].map((node) => node.text),
    ...db.getEdges().map((edge) => edge.text),
    ...db.getSubGraphs().map((group) => group.title),
  ],
  sequence: (db) => [
    ...[...db.getActors().values()].map((actor) => actor.description),
    ...db.getMessages().map((message) => message.message),
  ],
};

// Mermaid keeps #35; and #quot; as signs of its own until it draws.
function decoded(text) {
  const place = document.createElement("textarea");
  place.innerHTML = String(text).replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";");
  return place.value;
}

async function read(text) {
  try {
    const { diagramType } = await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    return { problem: "", texts: texts[diagramType](db).filter((each) => typeof each === "string").map(decoded) };
  } catch (error) {
    return { problem: String(error.message ?? error), texts: [] };
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const answers = {};
for (const [name, text] of Object.entries(JSON.parse(Buffer.concat(chunks).toString()))) answers[name] = await read(text);
process.stdout.write(JSON.stringify(answers));
