//! Emotes: pictures, and who may use which.

use std::io::Cursor;

use busk_base::RoomId;
use busk_testkit::db::TestDb;
use busk_testkit::each_db;
use image::{DynamicImage, ImageFormat, RgbaImage};
use uuid::Uuid;

use super::picture::{PictureError, SIZES, drawn};
use super::*;
use crate::State;
use crate::members::Member;

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));
const HOST: PersonId = PersonId(Uuid::from_u128(2));
const BEA: PersonId = PersonId(Uuid::from_u128(3));
const NOW: Timestamp = Timestamp::from_unix_us(1_795_252_800_000_000);

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let red = RgbaImage::from_pixel(width, height, image::Rgba([255, 0, 0, 255]));
    let picture = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(red).to_rgb8()),
        _ => DynamicImage::ImageRgba8(red),
    };
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn uploads_become_square_pngs() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ] {
        let pictures = drawn(&encoded(300, 100, format)).unwrap();
        for ((size, png), wanted) in pictures.0.iter().zip(SIZES) {
            assert_eq!(*size, wanted);
            assert_eq!(image::guess_format(png).unwrap(), ImageFormat::Png);
            let read = image::load_from_memory(png).unwrap().to_rgba8();
            assert_eq!(read.dimensions(), (wanted, wanted), "{format:?}");
            assert_eq!(
                read.get_pixel(wanted / 2, 0).0[3],
                0,
                "nothing above what is wide"
            );
            assert!(read.get_pixel(wanted / 2, wanted / 2).0[0] > 200, "{format:?}");
        }
    }
}

#[test]
fn what_is_no_picture_of_ours_is_refused() {
    let png = encoded(64, 64, ImageFormat::Png);
    let wide = encoded(3_000, 2, ImageFormat::Png);
    // A header that promises far more than the bytes could hold.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let rows: [(&[u8], PictureError); 6] = [
        (b"", PictureError::Format),
        (svg, PictureError::Format),
        (b"BM6\0\0\0", PictureError::Format),
        (&wide, PictureError::TooLarge),
        (&png[..60], PictureError::Broken),
        (b"\x89PNG\r\n\x1a\n and nothing of it", PictureError::Broken),
    ];
    for (upload, why) in rows {
        assert_eq!(drawn(upload), Err(why));
    }
    assert!(drawn(&bomb).is_err());
}

#[test]
fn names_stand_between_colons() {
    let rows = [
        ("hello", vec![]),
        (":pogo:", vec!["pogo"]),
        ("a :pogo::wave: b", vec!["pogo", "wave"]),
        ("at 10:30:45", vec!["30"]),
        ("::::", vec![]),
        (":p:", vec![]),
        (":not a name:", vec![]),
        (":pogo", vec![]),
        (":é_é:", vec![]),
    ];
    for (text, names) in rows {
        assert_eq!(named(text).collect::<Vec<_>>(), names, "{text}");
    }
}

fn room() -> Room {
    Room {
        id: RoomId(Uuid::from_u128(9)),
        channel: CHANNEL,
        host: HOST,
        title: "Songs".into(),
        state: State::Live,
        epoch: 1,
        seq: 0,
        created_at: NOW,
        scheduled_at: None,
        started_at: Some(NOW),
        resume_until: None,
        ended_at: None,
        live_on_camera: false,
        private: false,
    }
}

fn speaker(id: Uuid, kind: SpeakerKind) -> Speaker {
    Speaker {
        id,
        name: "somebody".into(),
        kind,
        role: None,
        badge: None,
        months: None,
        rank: None,
    }
}

each_db!(members_use_what_their_tier_may, async |db: TestDb| {
    let store = db.open(&[crate::MIGRATIONS]);
    let pictures = drawn(&encoded(32, 32, ImageFormat::Png)).unwrap();
    let emote = |number: u128, name: &str, tiers: &[u8]| Emote {
        id: EmoteId(Uuid::from_u128(number)),
        name: name.into(),
        tiers: tiers.to_vec(),
    };
    let rows = [
        (emote(1, "pogo", &[]), "added"),
        (emote(2, "wave", &[2]), "added"),
        (emote(3, "pogo", &[2]), "taken"),
        (emote(4, "a name", &[]), "name"),
        (emote(5, "x", &[]), "name"),
    ];
    for (new, expected) in rows {
        let (wanted, pictures) = (new.clone(), pictures.clone());
        let added = store.write(move |tx| add(tx, CHANNEL, &wanted, &pictures)).await;
        let became = match added {
            Ok(()) => "added",
            Err(AddError::Name) => "name",
            Err(AddError::Taken) => "taken",
            Err(AddError::TooMany) => "too many",
            Err(AddError::Store(error)) => panic!("{error}"),
        };
        assert_eq!(became, expected, "{new:?}");
    }
    let use_of = async |who: Speaker, tier: Option<u8>| {
        let used = store.write(move |tx| {
            if let Some(tier) = tier {
                let member = Member {
                    channel: CHANNEL,
                    person: BEA,
                    tier,
                    until: NOW + std::time::Duration::from_secs(60),
                    since: NOW,
                    months: 1,
                };
                members::keep(tx, member)?;
            }
            used(tx, &room(), &who, "look :pogo: :wave: :other:", NOW)
        });
        let used: Result<Vec<UsedEmote>, StoreError> = used.await;
        used.unwrap()
            .into_iter()
            .map(|used| used.name)
            .collect::<Vec<_>>()
    };
    let bea = || speaker(BEA.0, SpeakerKind::Person);
    assert_eq!(use_of(bea(), None).await, Vec::<String>::new(), "no member");
    assert_eq!(use_of(bea(), Some(1)).await, ["pogo"]);
    assert_eq!(use_of(bea(), Some(2)).await, ["pogo", "wave"]);
    let guest = speaker(BEA.0, SpeakerKind::Guest);
    assert_eq!(use_of(guest, None).await, Vec::<String>::new());
    let host = speaker(HOST.0, SpeakerKind::Person);
    assert_eq!(use_of(host, None).await, ["pogo", "wave"]);

    // For another tier from now on, and for all of them again.
    let changes = async |number: u128, tiers: &'static [u8]| {
        let id = EmoteId(Uuid::from_u128(number));
        let changed = store.write(move |tx| change_tiers(tx, CHANNEL, id, tiers));
        let changed: Result<Option<Emote>, StoreError> = changed.await;
        changed.unwrap().map(|emote| emote.tiers)
    };
    assert_eq!(changes(1, &[1, 3]).await, Some(vec![1, 3]));
    assert_eq!(use_of(bea(), None).await, ["wave"], "hers is the second tier");
    assert_eq!(use_of(bea(), Some(1)).await, ["pogo"]);
    assert_eq!(changes(1, &[]).await, Some(vec![]));
    assert_eq!(use_of(bea(), Some(2)).await, ["pogo", "wave"]);
    assert_eq!(changes(99, &[]).await, None, "there is no such emote");

    let picture = |size| {
        let read = store.read(move |db| sql::picture(db, EmoteId(Uuid::from_u128(1)), size));
        async {
            read.await
                .unwrap()
                .map(|png: Vec<u8>| image::guess_format(&png).unwrap())
        }
    };
    assert_eq!(picture(56).await, Some(ImageFormat::Png));
    let removed = |number| store.write(move |tx| remove(tx, CHANNEL, EmoteId(Uuid::from_u128(number))));
    assert!(removed(1).await.unwrap());
    assert!(!removed(1).await.unwrap(), "it is gone");
    assert_eq!(picture(56).await, None);
    assert_eq!(use_of(bea(), None).await, ["wave"]);

    // A channel has a bound.
    let many = store.write(move |tx| {
        for number in 10..10 + EMOTES_MAX as u128 {
            add(
                tx,
                CHANNEL,
                &emote(number, &format!("e_{number}"), &[]),
                &pictures,
            )?;
        }
        Ok(())
    });
    assert!(matches!(many.await, Err(AddError::TooMany)));
});
