-- A scope that comes with a statement: Postgres checks a parameter of this type when it binds it, before anything of the
-- statement runs, and the check sets the scope until its transaction ends. So one statement in a scope is one round trip.
CREATE DOMAIN scope AS uuid[]
    CHECK (set_config('remi.spaces', VALUE::text, true) IS NOT NULL);

-- The same for what need not be on disk when the statement ends.
CREATE DOMAIN hasty_scope AS uuid[]
    CHECK (set_config('remi.spaces', VALUE::text, true) IS NOT NULL
           AND set_config('synchronous_commit', 'off', true) IS NOT NULL);
