-- A scope for a statement that goes by the orders which indexes give. The planner takes every space for small, and would
-- rather sort what lies in it.
CREATE DOMAIN indexed_scope AS uuid[]
    CHECK (set_config('remi.spaces', VALUE::text, true) IS NOT NULL
           AND set_config('enable_sort', 'off', true) IS NOT NULL);

-- The policy repeats the condition on the space, so by the true number of spaces a large one looks like a row or two; and
-- for so few an index of all passages costs no more than those of what isn't in the tiers. Twenty spaces let it look like a
-- twentieth of itself.
ALTER TABLE passage ALTER space_id SET (n_distinct = 20);
ANALYZE passage (space_id);
