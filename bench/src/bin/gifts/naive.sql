\set sender random(1, 10000)
\set room random(1, 10000)
BEGIN;
SELECT channel, state FROM room WHERE id = :room;
SELECT balance, moves FROM balance WHERE account = 100000 + :sender FOR UPDATE;
INSERT INTO gift VALUES (gen_random_uuid(), :room, :sender, :room, 'rose', 1, 10, 7, 1795252800000000);
INSERT INTO posting (id, at, policy, cause, digest)
    VALUES (gen_random_uuid(), 1795252800000000, 1, 'gift', decode(md5('gift'), 'hex')) RETURNING number \gset
INSERT INTO transfer (posting, kind, debit, credit, amount) VALUES (:number, 1, 100000 + :sender, 1, 10);
INSERT INTO transfer (posting, kind, debit, credit, amount) VALUES (:number, 1, 2, 200000 + :room, 7);
INSERT INTO transfer (posting, kind, debit, credit, amount) VALUES (:number, 1, 3, 4, 7);
INSERT INTO transfer (posting, kind, debit, credit, amount) VALUES (:number, 1, 3, 5, 3);
UPDATE balance SET balance = balance - 10, moves = moves + 1 WHERE account = 100000 + :sender;
UPDATE balance SET balance = balance + 7, moves = moves + 1 WHERE account = 200000 + :room;
UPDATE room_seq SET last = last + 1 WHERE room = :room RETURNING last \gset
INSERT INTO room_event VALUES (:room, :last, 'everyone', '{"n":1,"at":"2026-11-21T00:00:00Z","type":"gift","id":"019ac0de-0000-7000-8000-000000000000","from":{"id":"019ac0de-0000-7000-8000-000000000000","name":"somebody","kind":"person"},"kind":"rose","count":1,"price":10,"total":10}');
UPDATE balance SET balance = balance + 10, moves = moves + 1 WHERE account = 1;
UPDATE balance SET balance = balance - 7, moves = moves + 1 WHERE account = 2;
UPDATE balance SET balance = balance - 10, moves = moves + 2 WHERE account = 3;
UPDATE balance SET balance = balance + 7, moves = moves + 1 WHERE account = 4;
UPDATE balance SET balance = balance + 3, moves = moves + 1 WHERE account = 5;
COMMIT;
