//! A local server that speaks Stripe's documented wire format: forms with nested names in, JSON out, errors as
//! Stripe's, and its idempotency: the same key with the same form is answered again, with another it is refused.
//!
//! It is strict where Stripe is: a parameter that it does not know is an error.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The version that it speaks.
pub const VERSION: &str = "2025-08-27.basil";
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Of a page, in place of Stripe's hundred at most.
const LINES_A_PAGE: usize = 2;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub query: Fields,
    pub form: Fields,
    pub key: Option<String>,
    pub version: Option<String>,
    pub authorization: Option<String>,
}

pub type Fields = BTreeMap<String, String>;

/// It stops when it is dropped.
pub struct FakeStripe {
    pub address: SocketAddr,
    shared: Shared,
    serving: tokio::task::JoinHandle<()>,
}

type Shared = Arc<Mutex<Account>>;

struct Account {
    secret_key: String,
    calls: Vec<Call>,
    /// Answers that come before all others.
    scripted: VecDeque<(u16, String)>,
    answered: HashMap<String, (Fields, u16, Value)>,
    sessions: HashMap<String, Value>,
    /// Newest first.
    lines: Vec<Value>,
    numbered: u64,
}

impl FakeStripe {
    pub async fn start(secret_key: &str) -> Self {
        let account = Account {
            secret_key: secret_key.to_owned(),
            calls: Vec::new(),
            scripted: VecDeque::new(),
            answered: HashMap::new(),
            sessions: HashMap::new(),
            lines: Vec::new(),
            numbered: 0,
        };
        let shared = Arc::new(Mutex::new(account));
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a local port can be had");
        let address = listener.local_addr().expect("a bound socket has an address");
        let serving = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("a local server serves");
        });
        Self {
            address,
            shared,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked since this was called last.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.account().calls)
    }

    /// Answers the next request so, whatever it asks.
    pub fn answer_next(&self, status: u16, body: &str) {
        self.account().scripted.push_back((status, body.to_owned()));
    }

    /// Lines of the account's report, newest first.
    pub fn report(&self, lines: Vec<Value>) {
        self.account().lines = lines;
    }

    /// The payer pays at a session's page; gives what Stripe says of it.
    pub fn pay(&self, session: &str) -> Value {
        let mut account = self.account();
        let number = account.next();
        let session = account
            .sessions
            .get_mut(session)
            .expect("a session that was opened");
        session["status"] = json!("complete");
        session["payment_status"] = json!("paid");
        session["payment_intent"] = json!(format!("pi_{number}"));
        session["customer_details"] = json!({"address": {"country": "FR"}, "email": "payer@example.org"});
        if session["customer_creation"] == "always" {
            session["customer"] = json!(format!("cus_{number}"));
        }
        let session = session.clone();
        account.event("checkout.session.completed", session)
    }

    /// Something that Stripe says.
    pub fn event(&self, kind: &str, object: Value) -> Value {
        self.account().event(kind, object)
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .unwrap_or_default();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: fields(parts.uri.query().unwrap_or_default().as_bytes()),
        form: fields(&body),
        key: text(&parts.headers, "idempotency-key"),
        version: text(&parts.headers, "stripe-version"),
        authorization: text(&parts.headers, "authorization"),
    };
    let mut account = shared.lock().unwrap_or_else(PoisonError::into_inner);
    account.calls.push(call.clone());
    if let Some((status, body)) = account.scripted.pop_front() {
        return reply(status, body.into());
    }
    let (status, body) = account.keyed(&call, &parts.headers);
    reply(status, body.to_string().into())
}

fn reply(status: u16, body: Bytes) -> Response {
    let status = StatusCode::from_u16(status).expect("a status that there is");
    // Where a redirect would lead, were it followed.
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::LOCATION, "/v1/elsewhere"),
    ];
    (status, headers, body).into_response()
}

fn fields(text: &[u8]) -> Fields {
    form_urlencoded::parse(text).into_owned().collect()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

type Said = (u16, Value);

fn error(status: u16, kind: &str, code: &str, message: &str) -> Said {
    let mut error = json!({"type": kind, "message": message, "doc_url": "https://docs.stripe.com"});
    if !code.is_empty() {
        error["code"] = json!(code);
    }
    (status, json!({ "error": error }))
}

fn invalid(code: &str, message: &str) -> Said {
    error(400, "invalid_request_error", code, message)
}

impl Account {
    fn next(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    fn event(&mut self, kind: &str, object: Value) -> Value {
        let number = self.next();
        json!({"id": format!("evt_{number}"), "object": "event", "type": kind, "api_version": VERSION,
            "created": 1_795_252_800, "livemode": false, "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null}, "data": {"object": object}})
    }

    /// Who asks, and whether it was asked before.
    fn keyed(&mut self, call: &Call, headers: &HeaderMap) -> Said {
        let bearer = format!("Bearer {}", self.secret_key);
        if call.authorization.as_ref() != Some(&bearer) {
            return error(401, "invalid_request_error", "", "Invalid API Key provided");
        }
        if call.method != Method::POST {
            return self.read(call);
        }
        if text(headers, "content-type").as_deref() != Some("application/x-www-form-urlencoded") {
            return invalid("", "Invalid content type");
        }
        let Some(key) = &call.key else {
            return self.change(call);
        };
        if let Some((form, status, body)) = self.answered.get(key) {
            let same = *form == call.form;
            let message = "Keys for idempotent requests can only be used with the same parameters they were first \
                           used with.";
            return if same {
                (*status, body.clone())
            } else {
                error(400, "idempotency_error", "", message)
            };
        }
        let (status, body) = self.change(call);
        // What was not begun is not kept.
        if status != 400 {
            self.answered
                .insert(key.clone(), (call.form.clone(), status, body.clone()));
        }
        (status, body)
    }

    fn read(&mut self, call: &Call) -> Said {
        let list = |data: &[Value], has_more| json!({"object": "list", "data": data, "has_more": has_more});
        if call.path == "/v1/balance_transactions" {
            let after = call.query.get("starting_after");
            let start = after.map_or(0, |after| {
                let place = self.lines.iter().position(|line| line["id"] == after.as_str());
                place.expect("a line that was given") + 1
            });
            let page = &self.lines[start..self.lines.len().min(start + LINES_A_PAGE)];
            return (200, list(page, start + page.len() < self.lines.len()));
        }
        match call
            .path
            .strip_prefix("/v1/customers/")
            .and_then(|rest| rest.strip_suffix("/payment_methods"))
        {
            Some("cus_gone") => error(
                404,
                "invalid_request_error",
                "resource_missing",
                "No such customer",
            ),
            Some("cus_empty") => (200, list(&[], false)),
            Some(customer) => (
                200,
                list(
                    &[json!({"id": format!("pm_of_{customer}"), "object": "payment_method"})],
                    false,
                ),
            ),
            None => error(404, "invalid_request_error", "", "Unrecognized request URL"),
        }
    }

    fn change(&mut self, call: &Call) -> Said {
        let Some((_, known, wanted)) = PARAMETERS.iter().find(|(path, ..)| *path == call.path) else {
            return error(404, "invalid_request_error", "", "Unrecognized request URL");
        };
        let is_known = |name: &&String| {
            name.starts_with("metadata[") || known.contains(&name.as_str()) || wanted.contains(&name.as_str())
        };
        if let Some(name) = call.form.keys().find(|name| !is_known(name)) {
            return invalid(
                "parameter_unknown",
                &format!("Received unknown parameter: {name}"),
            );
        }
        if let Some(name) = wanted.iter().find(|name| !call.form.contains_key(**name)) {
            return invalid("parameter_missing", &format!("Missing required param: {name}."));
        }
        self.made(call)
    }

    fn made(&mut self, call: &Call) -> Said {
        let (number, form) = (self.next(), &call.form);
        let metadata: Map<String, Value> = form
            .iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
                Some((name.to_owned(), json!(value)))
            })
            .collect();
        let amount = |name: &str| form.get(name).and_then(|text| text.parse::<i64>().ok());
        match call.path.as_str() {
            "/v1/checkout/sessions" => {
                let id = format!("cs_test_{number}");
                let session = json!({"id": id, "object": "checkout.session", "livemode": false, "mode": "payment",
                    "url": format!("https://checkout.stripe.com/c/pay/{id}"), "status": "open",
                    "payment_status": "unpaid", "payment_intent": null, "customer": null,
                    "customer_creation": form.get("customer_creation"), "customer_details": null,
                    "amount_total": amount("line_items[0][price_data][unit_amount]"),
                    "currency": form.get("line_items[0][price_data][currency]"), "metadata": metadata});
                self.sessions.insert(id, session.clone());
                (200, session)
            }
            "/v1/payment_intents" => {
                let declined = form["customer"] == "cus_declined";
                let intent = json!({"id": format!("pi_{number}"), "object": "payment_intent", "livemode": false,
                    "amount": amount("amount"), "amount_received": if declined { Some(0) } else { amount("amount") },
                    "currency": form["currency"], "customer": form["customer"], "metadata": metadata,
                    "status": if declined { "requires_payment_method" } else { "succeeded" }});
                if declined {
                    let error = json!({"type": "card_error", "code": "card_declined",
                        "decline_code": "generic_decline", "message": "Your card was declined.",
                        "payment_intent": intent});
                    return (402, json!({ "error": error }));
                }
                (200, intent)
            }
            "/v1/refunds" => (
                200,
                json!({"id": format!("re_{number}"), "object": "refund", "amount": amount("amount"),
                    "status": "succeeded", "metadata": metadata}),
            ),
            "/v1/accounts" => (
                200,
                json!({"id": format!("acct_{number}"), "object": "account", "metadata": metadata}),
            ),
            "/v1/account_links" => {
                let url = format!("https://connect.stripe.com/setup/e/{}/{number}", form["account"]);
                (200, json!({"object": "account_link", "url": url}))
            }
            _ => (
                200,
                json!({"id": format!("tr_{number}"), "object": "transfer", "livemode": false,
                    "amount": amount("amount"), "destination": form["destination"], "metadata": metadata}),
            ),
        }
    }
}

/// Addresses, what may be said there, and what must be.
const PARAMETERS: &[(&str, &[&str], &[&str])] = &[
    (
        "/v1/checkout/sessions",
        &[
            "client_reference_id",
            "cancel_url",
            "expires_at",
            "customer_creation",
            "payment_intent_data[metadata][checkout_of]",
            "payment_intent_data[metadata][payer]",
            "payment_intent_data[setup_future_usage]",
        ],
        &[
            "mode",
            "success_url",
            "line_items[0][quantity]",
            "line_items[0][price_data][currency]",
            "line_items[0][price_data][unit_amount]",
            "line_items[0][price_data][product_data][name]",
        ],
    ),
    (
        "/v1/payment_intents",
        &["description"],
        &[
            "amount",
            "currency",
            "customer",
            "payment_method",
            "off_session",
            "confirm",
        ],
    ),
    ("/v1/refunds", &["payment_intent", "charge"], &["amount"]),
    ("/v1/accounts", &["capabilities[transfers][requested]"], &["type"]),
    (
        "/v1/account_links",
        &[],
        &["account", "type", "return_url", "refresh_url"],
    ),
    ("/v1/transfers", &[], &["amount", "currency", "destination"]),
];
