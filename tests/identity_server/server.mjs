// A real identity provider (oidc-provider) and a stranger who forges its tokens (oauth2-mock-server).
// Prints {"issuer", "stranger", "control"}; POST control/{rotate,down,up,forge} steers it.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const resolve = createRequire(`${process.argv[2]}/`).resolve;
const load = (name) => import(pathToFileURL(resolve(name)));
const { default: Provider } = await load("oidc-provider");
const { OAuth2Server } = await load("oauth2-mock-server");

const AUDIENCE = "api://overtide";
const CLAIMS = {
  crm: { roles: ["crm-writers", "unrelated"] },
  member: { groups: ["desk"] },
  nobody: {},
  other: { roles: ["crm-writers"] },
};

function key(kid, alg) {
  const kind = alg === "RS256" ? ["rsa", { modulusLength: 2048 }] : ["ec", { namedCurve: "P-256" }];
  return { ...generateKeyPairSync(...kind).privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

function provider(issuer, kid) {
  return new Provider(issuer, {
    clients: Object.keys(CLAIMS).map((client_id) => ({
      client_id,
      client_secret: "secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    jwks: { keys: [key(kid, "RS256"), key(`${kid}-ec`, "ES256")] },
    extraTokenClaims: (_, token) => CLAIMS[token.clientId],
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: (_, resource, client) => ({
          scope: "",
          audience: client.clientId === "other" ? "api://other" : resource,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: client.clientId === "member" ? "ES256" : "RS256" } },
        }),
      },
    },
  });
}

const listening = (server) => new Promise((done) => server.listen(0, "127.0.0.1", done));
let answer, up = true, kid = 0, asked = 0;
const front = createServer((request, reply) => {
  asked += request.url.startsWith("/.well-known");
  return up ? answer(request, reply) : request.socket.destroy();
});
await listening(front);
const issuer = `http://127.0.0.1:${front.address().port}`;
const rotate = () => (answer = provider(issuer, `key-${++kid}`).callback());
rotate();

const stranger = new OAuth2Server();
await stranger.issuer.keys.generate("RS256", { kid: "key-1" });
await stranger.start(0, "127.0.0.1");

const actions = {
  rotate: async () => void rotate(),
  down: async () => void (up = false),
  up: async () => void (up = true),
  asked: async () => asked,
  forge: async ({ header, claims }) =>
    stranger.issuer.buildToken({
      scopesOrTransform: (head, payload) => {
        Object.assign(head, header);
        Object.assign(payload, { iss: issuer, aud: AUDIENCE, sub: "crm" }, claims);
      },
    }),
};
const control = createServer(async (request, reply) => {
  const body = (await request.toArray()).join("") || "{}";
  const found = await actions[request.url.slice(1)](JSON.parse(body));
  reply.end(JSON.stringify(found ?? null));
});
await listening(control);
const url = `http://127.0.0.1:${control.address().port}`;
console.log(JSON.stringify({ issuer, stranger: stranger.issuer.url, control: url }));
