-- What retention has removed: deliveries that are gone stay in the account of all decisions.

CREATE TABLE pruned (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    events   INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    success  INTEGER NOT NULL,
    failed   INTEGER NOT NULL,
    canceled INTEGER NOT NULL
) STRICT;

INSERT INTO pruned VALUES (1, 0, 0, 0, 0, 0);
