-- A scope for a statement that goes by the orders which indexes give. The planner takes every space for small, and would
-- rather sort what lies in it.
CREATE DOMAIN indexed_scope AS uuid[]
    CHECK (set_config('remi.spaces', VALUE::text, true) IS NOT NULL
           AND set_config('enable_sort', 'off', true) IS NOT NULL);
