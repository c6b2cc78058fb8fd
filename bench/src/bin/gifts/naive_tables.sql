-- What a gift writes, as tables of its own with the same columns and indexes, without the program.
CREATE TABLE room (id BIGINT PRIMARY KEY, channel BIGINT NOT NULL, state TEXT NOT NULL);
CREATE TABLE room_seq (room BIGINT PRIMARY KEY, last BIGINT NOT NULL);
CREATE TABLE room_event (
    room BIGINT NOT NULL, n BIGINT NOT NULL, audience TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (room, n)
);
CREATE TABLE gift (
    id UUID PRIMARY KEY, room BIGINT NOT NULL, sender BIGINT NOT NULL, channel BIGINT NOT NULL, kind TEXT NOT NULL,
    count BIGINT NOT NULL, total BIGINT NOT NULL, diamonds BIGINT NOT NULL, at BIGINT NOT NULL
);
CREATE TABLE balance (
    account BIGINT PRIMARY KEY, floating BOOLEAN NOT NULL, balance BIGINT NOT NULL, reserved BIGINT NOT NULL,
    moves BIGINT NOT NULL, last_move BIGINT NOT NULL, CHECK (floating OR balance >= reserved)
);
CREATE TABLE posting (
    number BIGSERIAL PRIMARY KEY, id UUID NOT NULL UNIQUE, at BIGINT NOT NULL, policy BIGINT NOT NULL,
    cause TEXT NOT NULL, digest BYTEA NOT NULL
);
CREATE INDEX posting_at ON posting (at, number);
CREATE TABLE transfer (
    id BIGSERIAL PRIMARY KEY, posting BIGINT NOT NULL, kind BIGINT NOT NULL, debit BIGINT NOT NULL,
    credit BIGINT NOT NULL, amount BIGINT NOT NULL
);
INSERT INTO room SELECT n, n, 'live' FROM generate_series(1, 10000) n;
INSERT INTO room_seq SELECT n, 0 FROM generate_series(1, 10000) n;
-- Accounts 1 to 5 are the platform's, then come viewers' wallets, then creators' diamonds.
INSERT INTO balance SELECT n, TRUE, 0, 0, 0, 0 FROM generate_series(1, 5) n;
INSERT INTO balance SELECT 100000 + n, FALSE, 1000000000, 0, 0, 0 FROM generate_series(1, 10000) n;
INSERT INTO balance SELECT 200000 + n, FALSE, 0, 0, 0, 0 FROM generate_series(1, 10000) n;
VACUUM ANALYZE;
