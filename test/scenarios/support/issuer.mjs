// A program of a user's: issues tokens for who is named in /token?sub=…, and shows its keys.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

createServer((request, response) => {
  const url = new URL(request.url, "http://issuer");
  if (url.pathname === "/keys") {
    response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one" }] }));
    return;
  }
  const claims = { ...Object.fromEntries(url.searchParams), exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${part({ alg: "RS256", kid: "one" })}.${part(claims)}`;
  response.end(`${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`);
}).listen(Number(process.env.PORT), process.env.HOST);
