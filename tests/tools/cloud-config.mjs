// Reads options for the stock Spring Cloud Config client from stdin, and writes what it makes of the answer.
import { readFileSync } from "node:fs";
import client from "cloud-config-client";

const config = await client.load(JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify({ properties: config.properties, object: config.toObject(), version: config.raw.version }));
