use super::*;

#[test]
fn what_is_set_first_wins_and_the_rest_has_defaults() {
    let flags = Settings {
        http_listen: "127.0.0.1:1".parse().ok(),
        ..Settings::default()
    };
    let file: Settings = toml::from_str(
        "http_listen = '0.0.0.0:2'\ndata_dir = '/var/lib/busk'\nmedia_advertise = ['1.2.3.4']",
    )
    .unwrap();
    let config = flags.or(file).check().unwrap();
    assert_eq!(config.http_listen, "127.0.0.1:1".parse().unwrap());
    assert_eq!(config.media_listen, "0.0.0.0:8081".parse().unwrap());
    assert_eq!(config.metrics_listen, "127.0.0.1:8082".parse().unwrap());
    assert_eq!(config.database, Database::Sqlite("/var/lib/busk/busk.db".into()));
    assert_eq!(config.media_advertise, ["1.2.3.4".parse::<IpAddr>().unwrap()]);
    assert!(config.address_limits);
}

#[test]
fn refuses_what_cannot_be_meant() {
    assert!(toml::from_str::<Settings>("htpt_listen = '0.0.0.0:2'").is_err());
    for (url, fits) in [
        ("https://live.example.org", true),
        ("http://10.0.0.5:8080/", true),
        ("live.example.org", false),
        ("https://live.example.org/busk", false),
        ("ftp://live.example.org", false),
    ] {
        assert_eq!(is_origin(url), fits, "{url}");
    }
    let settings = Settings {
        database_url: Some("mysql://x".into()),
        ..Settings::default()
    };
    assert!(matches!(settings.check(), Err(ConfigError::DatabaseUrl)));
    for (text, fits) in [("off", true), ("127.0.0.1:1935", true), ("1935", false)] {
        let settings = Settings {
            rtmp_listen: Some(text.into()),
            ..Settings::default()
        };
        assert_eq!(settings.check().is_ok(), fits, "{text}");
    }
    for (text, fits) in [
        ("10.0.0.0/8", true),
        ("::1", true),
        ("10.0.0.0/33", false),
        ("all", false),
    ] {
        let settings = Settings {
            restream_private_networks: Some(vec![text.into()]),
            ..Settings::default()
        };
        assert_eq!(settings.check().is_ok(), fits, "{text}");
    }
}

#[test]
fn stripe_is_asked_where_there_is_a_key() {
    let check = |key: Option<&str>, secrets: Option<&[&str]>, url: Option<&str>| {
        let secret = |text: &str| Secret(text.to_owned());
        let settings = Settings {
            stripe_secret_key: key.map(secret),
            stripe_webhook_secrets: secrets.map(|all| all.iter().map(|text| secret(text)).collect()),
            stripe_url: url.map(str::to_owned),
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("_x"), "a secret is shown");
        let checked = settings.check().map_err(|error| error.to_string());
        let shown = checked
            .as_ref()
            .map(|config| format!("{config:?}"))
            .unwrap_or_default();
        assert!(!shown.contains("_x"), "a secret is shown: {shown}");
        checked.map(|config| config.stripe.is_some())
    };
    let secrets: Option<&[&str]> = Some(&["whsec_x", " whsec_x2"]);
    let (empty, odd): (Option<&[&str]>, Option<&[&str]>) = (Some(&[]), Some(&["x"]));
    let local = Some("http://127.0.0.1:4242");
    let (no_key, bad_key) = (ConfigError::StripeKey, StripeConfigError::SecretKey);
    let (bad_secrets, bad_url) = (StripeConfigError::WebhookSecrets, StripeConfigError::Url);
    for (key, secrets, url, expected) in [
        (None, None, None, Ok(false)),
        (Some("sk_test_x"), secrets, None, Ok(true)),
        (Some("rk_live_x"), secrets, local, Ok(true)),
        (None, secrets, None, Err(no_key.to_string())),
        (None, None, local, Err(no_key.to_string())),
        (Some("pk_test_x"), secrets, None, Err(bad_key.to_string())),
        (Some("sk_test_"), secrets, None, Err(bad_key.to_string())),
        (Some("sk_test_x\n"), secrets, None, Err(bad_key.to_string())),
        (Some("sk_test_x"), None, None, Err(bad_secrets.to_string())),
        (Some("sk_test_x"), empty, None, Err(bad_secrets.to_string())),
        (Some("sk_test_x"), odd, None, Err(bad_secrets.to_string())),
        (
            Some("sk_test_x"),
            Some(&["x"]),
            None,
            Err(bad_secrets.to_string()),
        ),
        (
            Some("sk_test_x"),
            secrets,
            Some("api.stripe.com"),
            Err(bad_url.to_string()),
        ),
        (
            Some("sk_test_x"),
            secrets,
            Some("https://a/v1"),
            Err(bad_url.to_string()),
        ),
    ] {
        assert_eq!(check(key, secrets, url), expected, "{key:?} {secrets:?} {url:?}");
    }
}

#[test]
fn rtmps_is_on_where_there_is_a_certificate() {
    let check = |listen: Option<&str>, certificate: Option<&str>, key: Option<&str>| {
        let settings = Settings {
            rtmps_listen: listen.map(str::to_owned),
            tls_certificate: certificate.map(PathBuf::from),
            tls_key: key.map(PathBuf::from),
            ..Settings::default()
        };
        let checked = settings.check().map_err(|error| error.to_string());
        checked.map(|config| config.rtmps.map(|rtmps| rtmps.listen.port()))
    };
    let (no_pair, no_tls) = (ConfigError::TlsFiles, ConfigError::RtmpsTls);
    for (listen, certificate, key, expected) in [
        (None, None, None, Ok(None)),
        (Some("off"), None, None, Ok(None)),
        (None, Some("c.pem"), Some("k.pem"), Ok(Some(1936))),
        (Some("0.0.0.0:443"), Some("c.pem"), Some("k.pem"), Ok(Some(443))),
        (Some("off"), Some("c.pem"), Some("k.pem"), Ok(None)),
        (Some("0.0.0.0:443"), None, None, Err(no_tls.to_string())),
        (None, Some("c.pem"), None, Err(no_pair.to_string())),
        (None, None, Some("k.pem"), Err(no_pair.to_string())),
        (Some("443"), None, None, Err(ConfigError::RtmpsListen.to_string())),
    ] {
        assert_eq!(
            check(listen, certificate, key),
            expected,
            "{listen:?} {certificate:?} {key:?}"
        );
    }
}

#[test]
fn https_needs_a_certificate_and_the_address_that_people_use() {
    let check = |listen: &str, url: Option<&str>, certificate: bool| {
        let file = || certificate.then(|| PathBuf::from("file.pem"));
        let settings = Settings {
            https_listen: Some(listen.to_owned()),
            public_url: url.map(str::to_owned),
            tls_certificate: file(),
            tls_key: file(),
            ..Settings::default()
        };
        let checked = settings.check().map_err(|error| error.to_string());
        checked.map(|config| config.https.map(|https| https.listen.port()))
    };
    let (there, elsewhere) = (Some("https://live.example.org"), Some("http://live.example.org"));
    for (listen, url, certificate, expected) in [
        ("off", None, false, Ok(None)),
        ("off", there, true, Ok(None)),
        ("0.0.0.0:443", there, true, Ok(Some(443))),
        ("443", there, true, Err(ConfigError::HttpsListen)),
        ("0.0.0.0:443", elsewhere, true, Err(ConfigError::HttpsPublicUrl)),
        ("0.0.0.0:443", None, true, Err(ConfigError::HttpsPublicUrl)),
        ("0.0.0.0:443", there, false, Err(ConfigError::HttpsTls)),
    ] {
        assert_eq!(
            check(listen, url, certificate),
            expected.map_err(|error| error.to_string()),
            "{listen} {url:?} {certificate}"
        );
    }
}

#[test]
fn a_relay_needs_an_address_to_write_from() {
    let check = |url: Option<&str>, from: Option<&str>| {
        let settings = Settings {
            smtp_url: url.map(|url| Secret(url.to_owned())),
            mail_from: from.map(str::to_owned),
            ..Settings::default()
        };
        let checked = settings.check().map_err(|error| error.to_string());
        checked.map(|config| config.relay.map(|relay| relay.from().to_string()))
    };
    let (url, from) = (Some("smtps://me:canary@a.org"), Some("live@a.org"));
    assert_eq!(check(None, None), Ok(None));
    assert_eq!(check(url, from), Ok(Some("live@a.org".into())));
    assert_eq!(check(url, None), Err(ConfigError::Mail.to_string()));
    assert_eq!(check(None, from), Err(ConfigError::Mail.to_string()));
    assert_eq!(check(Some("a.org"), from), Err(RelayError::Url.to_string()));
    assert_eq!(check(url, Some("nobody")), Err(RelayError::From.to_string()));
}
