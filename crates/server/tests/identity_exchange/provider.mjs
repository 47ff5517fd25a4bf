// A real OpenID Connect provider on loopback for the tests, and a person who signs in at it: every token comes from an
// authorization code flow over HTTP. Reads commands from standard input and answers on standard output, a JSON
// document a line each.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

const BACK = 'https://app.example/back';
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const AUDIENCE = 'https://calls.example';

let generation = 0;

// New keys of every kind; their names tell the generation.
function keys() {
    generation += 1;
    const pairs = {
        rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
        ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        ed: generateKeyPairSync('ed25519'),
    };
    return Object.entries(pairs).map(([kind, pair]) => ({
        ...pair.privateKey.export({ format: 'jwk' }),
        kid: `${kind}-${generation}`,
        use: 'sig',
    }));
}

// One client for each algorithm, one whose sign-ins end at once, one whose tokens are signed with a shared secret.
function clients() {
    const client = (id, algorithm) => ({
        client_id: id,
        client_secret: `secret-of-${id}-which-is-long-enough-for-hmac`,
        redirect_uris: [BACK],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        id_token_signed_response_alg: algorithm,
    });
    return [
        ...ALGORITHMS.map((algorithm) => client(`app-${algorithm}`, algorithm)),
        client('brief', 'RS256'),
        client('shared', 'HS256'),
        client('foreign', 'RS256'),
    ];
}

function provider(issuer) {
    const made = new Provider(issuer, {
        jwks: { keys: keys() },
        clients: clients(),
        clientDefaults: { id_token_signed_response_alg: 'RS256' },
        enabledJWA: { idTokenSigningAlgValues: [...ALGORITHMS, 'HS256'] },
        conformIdTokenClaims: false,
        claims: { openid: ['sub', 'oid'] },
        // The subject is of the provider's own making, as it often is; the object id is the directory's.
        findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, oid: id.replace('subject-', '') }) }),
        ttl: {
            AccessToken: 3600,
            AuthorizationCode: 60,
            Grant: 3600,
            IdToken: (_, token, client) => (client.clientId === 'brief' ? 1 : 600),
            Interaction: 60,
            Session: 3600,
        },
        cookies: { keys: ['a key for cookies'] },
        pkce: { required: () => false },
        features: {
            devInteractions: { enabled: false },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo: (_, resource) => ({
                    scope: 'calls',
                    audience: resource,
                    accessTokenFormat: 'jwt',
                    jwt: { sign: { alg: 'ES256' } },
                }),
                useGrantedResource: () => true,
            },
        },
        interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
        // Everybody agrees to everything.
        loadExistingGrant: async (ctx) => {
            const { client, session } = ctx.oidc;
            const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
            grant.addOIDCScope('openid');
            grant.addResourceScope(AUDIENCE, 'calls');
            await grant.save();
            return grant;
        },
    });
    const callback = made.callback();
    return async (request, response) => {
        if (!request.url.startsWith('/interaction/')) return callback(request, response);
        const { params } = await made.interactionDetails(request, response);
        const login = { accountId: `subject-${params.login_hint}` };
        return made.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
    };
}

// Signs a person in, as a browser and then the application's backend would; gives the tokens.
async function signIn(issuer, { client, account, audience }) {
    const cookies = new Map();
    const ask = new URLSearchParams({
        client_id: client,
        response_type: 'code',
        redirect_uri: BACK,
        scope: audience ? 'openid calls' : 'openid',
        login_hint: account,
        nonce: 'once',
        ...(audience && { resource: audience }),
    });
    let at = `${issuer}/auth?${ask}`;
    for (let hops = 0; !at.startsWith(BACK); hops += 1) {
        if (hops > 10) throw new Error(`lost at ${at}`);
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
        for (const line of response.headers.getSetCookie()) {
            const [name, ...value] = line.split(';')[0].split('=');
            cookies.set(name, value.join('='));
        }
        const next = response.headers.get('location');
        if (!next) throw new Error(`${response.status} at ${at}: ${await response.text()}`);
        at = new URL(next, at).href;
    }
    const code = new URL(at).searchParams.get('code');
    if (!code) throw new Error(`no code: ${at}`);
    const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
            grant_type: 'authorization_code',
            code,
            redirect_uri: BACK,
            client_id: client,
            client_secret: clients().find(({ client_id: id }) => id === client).client_secret,
        }),
    });
    const tokens = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(tokens));
    return { idToken: tokens.id_token, accessToken: tokens.access_token };
}

let serve;
let asked = 0;
const server = createServer((request, response) => {
    if (request.url.startsWith('/.well-known/')) asked += 1;
    serve(request, response);
});
const listen = (port) => new Promise((done) => server.listen(port, '127.0.0.1', () => done(server.address().port)));
const issuer = `http://127.0.0.1:${await listen(0)}`;
const { port } = server.address();
serve = provider(issuer);

const commands = {
    // Signs somebody in.
    signIn: (wish) => signIn(issuer, wish),
    // Takes new keys; the old ones are no longer published.
    rotate: () => {
        serve = provider(issuer);
        return {};
    },
    // Stops listening, and listens again.
    down: () => new Promise((done) => {
        server.close(() => done({}));
        server.closeAllConnections();
    }),
    up: async () => {
        await listen(port);
        return {};
    },
    // Answers everything with something else, or as ever again.
    say: ({ status, body }) => {
        serve = (_, response) => {
            response.writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/' });
            response.end(body);
        };
        return {};
    },
    // Takes every question and answers none.
    hang: () => {
        serve = () => {};
        return {};
    },
    // How often it was asked for its discovery document.
    asked: () => ({ asked }),
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ issuer });
for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...rest } = JSON.parse(line);
    try {
        answer(await commands[name](rest));
    } catch (error) {
        answer({ error: String(error) });
    }
}
process.exit(0);
