-- What a database that has lived for years holds besides Odoo's own objects.
SET ROLE odoo;
CREATE EXTENSION unaccent;
CREATE EXTENSION pg_trgm;
CREATE TABLE x_import_log (ts timestamp DEFAULT now(), line text);
INSERT INTO x_import_log (line) SELECT 'line ' || n FROM generate_series(1, 100) n;
CREATE TABLE x_old_rel (a int NOT NULL, b int NOT NULL, UNIQUE (a, b));
INSERT INTO x_old_rel SELECT n, n + 1 FROM generate_series(1, 50) n;
CREATE UNLOGGED TABLE x_scratch (id serial PRIMARY KEY, v text);
INSERT INTO x_scratch (v) VALUES ('a'), ('b');
CREATE MATERIALIZED VIEW x_orders AS SELECT state, count(*) FROM sale_order GROUP BY 1;
CREATE TABLE x_audit (id serial PRIMARY KEY, tab text, at timestamptz DEFAULT now());
CREATE FUNCTION x_audit_row() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO x_audit (tab) VALUES (tg_table_name); RETURN new; END$$;
CREATE TRIGGER x_audit_partner AFTER INSERT ON res_partner FOR EACH ROW EXECUTE FUNCTION x_audit_row();
CREATE INDEX x_partner_trgm ON res_partner USING gin (name gin_trgm_ops);
-- Without a search_path of its own the function fails while a dump is restored, and with it the index.
CREATE FUNCTION immutable_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT unaccent($1)$$;
CREATE INDEX x_partner_unaccent ON res_partner (immutable_unaccent(name));
SELECT lo_from_bytea(0, 'large object ' || n::text::bytea) FROM generate_series(1, 3) n;
-- An attachment from before the filestore.
UPDATE ir_attachment SET db_datas = '\x0102', store_fname = NULL, file_size = 2
    WHERE id = (SELECT id FROM ir_attachment WHERE name = 'plan-11.bin');
-- Hours of years.
INSERT INTO account_analytic_line (name, date, amount, unit_amount, account_id, company_id, currency_id, project_id,
        task_id, employee_id, user_id, create_uid, create_date, write_uid, write_date)
    SELECT 'Hours', '2019-01-01'::date + n / 10, 0, 1, l.account_id, l.company_id, l.currency_id, l.project_id,
        l.task_id, l.employee_id, l.user_id, 2, '2019-01-01'::timestamp + n * '1 hour'::interval, 2, now()
    FROM (SELECT * FROM account_analytic_line WHERE name = 'Concrete' LIMIT 1) l, generate_series(1, 20000) n;
-- Who has been there lately.
INSERT INTO res_users_log (create_uid, create_date) SELECT id, now() - id * '1 day'::interval FROM res_users WHERE active;
-- Its code was deleted from the disk years ago.
INSERT INTO ir_module_module (name, author, latest_version, state) VALUES ('x_gone', 'ACME SA', '14.0.0.9', 'installed');
INSERT INTO ir_module_module (name, author, latest_version, state)
    SELECT 'web_quick_tabs', 'Quick Labs, Odoo Community Association (OCA)', '14.0.1.0.3', 'installed'
    WHERE NOT EXISTS (SELECT FROM ir_module_module WHERE name = 'web_quick_tabs');
CREATE SCHEMA bi;
CREATE TABLE bi.fact (id int PRIMARY KEY, v numeric);
INSERT INTO bi.fact VALUES (1, 2);
CREATE VIEW bi.v_so AS SELECT name, amount_total FROM public.sale_order;
RESET ROLE;
CREATE ROLE bi_reader LOGIN PASSWORD 'bi-secret-0815';
GRANT USAGE ON SCHEMA bi TO bi_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA bi TO bi_reader;
GRANT SELECT ON sale_order TO bi_reader;
ALTER DATABASE acme_prod SET statement_timeout = '10min';
ALTER ROLE bi_reader IN DATABASE acme_prod SET work_mem = '64MB';
ALTER ROLE odoo SET idle_in_transaction_session_timeout = '30min';
COMMENT ON DATABASE acme_prod IS 'ACME, since 2019';
ANALYZE;
