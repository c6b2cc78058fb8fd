use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    pack: String,
    #[serde(default)]
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    count: u8,
}

/// Body → status, field.
const REFUSED: &[(&str, u16, Option<&str>)] = &[
    (r#"{"pack": 5}"#, 422, Some("pack")),
    (r#"{}"#, 422, Some("pack")),
    (r#"{"pack": "a", "price": 1}"#, 422, Some("price")),
    (r#"{"pack": "a", "pack": "b"}"#, 422, Some("pack")),
    (
        r#"{"pack": "a", "lines": [{"count": 1}, {"count": 300}]}"#,
        422,
        Some("lines[1].count"),
    ),
    (r#"{"pack": "a", "lines": [{}]}"#, 422, Some("lines[0].count")),
    (
        r#"{"pack": "a", "lines": [{"count": 1, "x": 1}]}"#,
        422,
        Some("lines[0].x"),
    ),
    (r#"{"pack": "a"#, 400, Some("pack")),
    (r#"{"pack": "a"} {}"#, 400, None),
    ("", 400, None),
    ("[]", 422, None),
];

#[test]
fn a_refused_body_names_the_field() {
    for (body, status, field) in REFUSED {
        let problem = parse::<Order>(body.as_bytes()).expect_err(body);
        let json = problem.to_json();
        assert_eq!(problem.status().as_u16(), *status, "{body}");
        assert_eq!(
            json.get("field").and_then(|f| f.as_str()),
            *field,
            "{body}: {json}"
        );
    }
    let order = parse::<Order>(br#"{"pack": "a", "lines": [{"count": 3}]}"#).unwrap();
    assert_eq!((order.pack.as_str(), order.lines[0].count), ("a", 3));
}

async fn post(content_type: &str, body: Vec<u8>) -> Result<Json<Order>, Problem> {
    let request = Request::builder()
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap();
    Json::<Order>::from_request(request, &()).await
}

#[tokio::test]
async fn bodies_are_bounded_and_of_the_right_type() {
    let good = br#"{"pack":"a"}"#.to_vec();
    assert!(
        post("application/json; charset=utf-8", good.clone())
            .await
            .is_ok()
    );
    let problem = post("text/plain", good).await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let problem = post("application/json", vec![b' '; BODY_BYTES_MAX + 1])
        .await
        .unwrap_err();
    assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_refused_query_names_the_field() {
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=many", "limit"),
        ("?cursor=%25", "cursor"),
        ("?page=2", "page"),
    ] {
        let (mut parts, ()) = Request::builder()
            .uri(format!("/{query}"))
            .body(())
            .unwrap()
            .into_parts();
        let problem = Query::<crate::PageQuery>::from_request_parts(&mut parts, &())
            .await
            .expect_err(query);
        assert_eq!(problem.to_json()["field"], field, "{query}");
    }
}
