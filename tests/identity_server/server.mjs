// A real identity provider (oidc-provider) and a stranger who forges its tokens (oauth2-mock-server).
// Prints {"issuer", "stranger", "control"}; POST control/{rotate,down,up,pages,forge} steers it.
// People sign in with any name and password; what PEOPLE has of them stands in their tokens.
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
const PEOPLE = {
  ann: { name: "Ann Smit", roles: ["crm-writers"] },
  ben: { name: "Ben <b>Bold</b>", groups: ["desk"] },
  eve: { name: "Eve", roles: ["unrelated"] },
};
let pages = [];

function key(kid, alg) {
  const kind = alg === "RS256" ? ["rsa", { modulusLength: 2048 }] : ["ec", { namedCurve: "P-256" }];
  return { ...generateKeyPairSync(...kind).privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

const page = (text) => `<!doctype html><html lang="en"><title>Identity</title><h1>Identity</h1>${text}</html>`;
const asking = page(
  `<form method="post"><label>Name <input name="login"></label><label>Password <input name="password"></label>
   <button name="action" value="enter">Enter</button><button name="action" value="cancel">Cancel</button></form>`,
);

// Whoever signs in lets the pages know who they are.
async function consented({ oidc }) {
  const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
  grant.addOIDCScope("openid profile");
  await grant.save();
  return grant;
}

// The page of the provider on which one says who one is.
async function interact(request, reply) {
  await current.interactionDetails(request, reply);
  if (request.method === "GET") return reply.setHeader("Content-Type", "text/html").end(asking);
  const form = new URLSearchParams((await request.toArray()).join(""));
  const cancelled = { error: "access_denied", error_description: "<b>Ann</b> stopped it" };
  const entered = { login: { accountId: form.get("login") } };
  const result = form.get("action") === "cancel" ? cancelled : entered;
  return current.interactionFinished(request, reply, result, { mergeWithLastSubmission: false });
}

function provider(issuer, kid) {
  return new Provider(issuer, {
    clients: [
      ...Object.keys(CLAIMS).map((client_id) => ({
        client_id,
        client_secret: "secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      })),
      ...pages.map(({ client_id, client_secret, url }) => ({
        client_id,
        ...(client_secret ? { client_secret } : { token_endpoint_auth_method: "none" }),
        redirect_uris: [`${url}/sign-in/return`],
        post_logout_redirect_uris: [`${url}/sign-in`],
        backchannel_logout_uri: `${url}/sign-out/provider`,
        backchannel_logout_session_required: true,
      })),
    ],
    claims: { openid: ["sub", "roles", "groups"], profile: ["name"] },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
    // By default it tells no service on this machine that somebody signed out.
    fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: consented,
    pkce: { required: () => true },
    jwks: { keys: [key(kid, "RS256"), key(`${kid}-ec`, "ES256")] },
    extraTokenClaims: (_, token) => PEOPLE[token.accountId] ?? CLAIMS[token.clientId],
    ttl: { ClientCredentials: 600, AccessToken: 600, IdToken: 600, Session: 3600, Grant: 3600, Interaction: 600 },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) =>
          (context.body = page(`${form}<button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`)),
        postLogoutSuccessSource: (context) => (context.body = page("<p>You are signed out.</p>")),
      },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
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
let current, up = true, kid = 0, asked = 0;
const front = createServer((request, reply) => {
  asked += request.url.startsWith("/.well-known");
  if (!up) return request.socket.destroy();
  return request.url.startsWith("/interaction/") ? interact(request, reply) : current.callback()(request, reply);
});
await listening(front);
const issuer = `http://127.0.0.1:${front.address().port}`;
const rotate = () => {
  current = provider(issuer, `key-${++kid}`);
  current.on("backchannel.error", (_, error) => console.error(error.message, error.cause));
};
rotate();

const stranger = new OAuth2Server();
await stranger.issuer.keys.generate("RS256", { kid: "key-1" });
await stranger.start(0, "127.0.0.1");

const actions = {
  rotate: async () => void rotate(),
  down: async () => void (up = false),
  up: async () => void (up = true),
  pages: async ({ clients }) => void ((pages = clients), rotate()),
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
