//! What somebody is told of, shows over their picture, and tells the site's operators.

use serde_json::json;

use super::{NONE, People, Walk};

/// Bells, switches, browsers that are told, and what is read.
pub(super) async fn notices(walk: &Walk<'_>, people: &People) {
    let bea = &people.bea;
    bea.send(reqwest::Method::PUT, "/api/v1/channels/ada/follow", json!({}))
        .await
        .is(200);
    let drive = async |operation: &str, at: &[&str], body| walk.drive(bea, operation, at, body).await;
    drive(
        "PUT /api/v1/channels/{handle}/bell",
        &["ada"],
        json!({"bell": "none"}),
    )
    .await;
    drive("PATCH /api/v1/me/notice-settings", &[], json!({"in_app": true})).await;
    let through = json!({"through": "2026-11-21T00:00:00Z"});
    drive("POST /api/v1/me/notices/read", &[], through).await;
    // Of RFC 8291, appendix A.
    let keys = json!({
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg"
    });
    let browser = json!({"endpoint": "https://push.example.com/1", "keys": keys});
    let told = drive("POST /api/v1/me/push-subscriptions", &[], browser).await;
    let told = told.text("id");
    drive("DELETE /api/v1/me/push-subscriptions/{id}", &[&told], NONE).await;
    drive(
        "POST /api/v1/me/export",
        &[],
        json!({"password": "correct horse"}),
    )
    .await;
}

/// Overlays: looks, and secrets that come and go.
pub(super) async fn overlays(walk: &Walk<'_>, people: &People) {
    let drive = async |operation: &str, body| {
        let (method, rest) = operation.split_once(' ').unwrap();
        let operation = format!("{method} /api/v1/channels/{{handle}}/overlays/{{kind}}{rest}");
        walk.drive(&people.ada, &operation, &["ada", "goal"], body).await
    };
    let look = json!({
        "font_px": 40, "text": "#ffffff", "accent": "#ff7a45", "back": "#000000", "back_percent": 50, "place": "top"
    });
    drive("PUT ", look).await;
    drive("POST /secret", NONE).await;
    drive("DELETE /secret", NONE).await;
}

/// A report, what is decided, and the complaint about it. `room` is a live of Ada's.
pub(super) async fn reports(walk: &Walk<'_>, people: &People) {
    let People { ada, bea, dan, .. } = people;
    let about = ada.get("/api/v1/me").await.is(200).text("id");
    let (report, decision, appeal) = (walk.id(), walk.id(), walk.id());
    let told = json!({
        "id": report, "object": {"kind": "person", "id": about}, "ground": "rules", "category": "spam", "words": "again"
    });
    walk.drive(bea, "POST /api/v1/reports", &[], told).await;
    let decided = json!({
        "id": decision, "measure": "none", "ground": "rules", "category": "spam",
        "facts": "the same words in ten lives", "basis": "rule 3"
    });
    let operation = "POST /api/v1/operator/reports/{id}/decision";
    walk.drive(dan, operation, &[&report], decided).await;
    // Whoever reported may complain, too. Somebody who is suspended has no keys: their complaint's own id does.
    let complains = json!({"id": appeal, "words": "it goes on"});
    let operation = "POST /api/v1/decisions/{id}/appeals";
    walk.drive(bea, operation, &[&decision], complains).await;
    let judged = json!({"outcome": "reversed", "answer": "so it does"});
    walk.drive(
        dan,
        "POST /api/v1/operator/appeals/{id}/decision",
        &[&appeal],
        judged,
    )
    .await;
}
