//! The tables of `pg_catalog` and `information_schema`: PostgreSQL's names and types.

use std::sync::LazyLock;

use rusqlite::Connection;

use super::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::postgres::types::ColumnType;

/// A table of a system schema.
pub(super) struct SystemTable {
    pub(super) schema: &'static str,
    pub(super) name: &'static str,
    /// `pg_class.oid`.
    pub(super) oid: i64,
    /// Names and types of its columns.
    columns: Vec<(&'static str, ColumnType)>,
    /// The same as in `create table`.
    definition: &'static str,
}

/// All of them, also those that are always empty: queries of clients join them.
pub(super) static TABLES: LazyLock<Vec<SystemTable>> =
    LazyLock::new(|| DEFINITIONS.split("\n\n").filter_map(table).collect());

/// Schema, name, oid and columns of a table.
fn table(entry: &'static str) -> Option<SystemTable> {
    let (head, definition) = entry.trim().split_once(": ")?;
    let (name, oid) = head.split_once(' ')?;
    let (schema, name) = name.split_once('.')?;
    let columns = definition.split(',').map(|column| {
        let (name, ty) = column.trim().split_once(' ')?;
        Some((name, ColumnType::parse(ty)?))
    });
    Some(SystemTable {
        schema,
        name,
        oid: oid.parse().ok()?,
        columns: columns.collect::<Option<_>>()?,
        definition,
    })
}

impl SystemTable {
    /// `pg_class.relnamespace`.
    pub(super) fn namespace(&self) -> i64 {
        if self.schema == "pg_catalog" {
            PG_CATALOG
        } else {
            INFORMATION_SCHEMA
        }
    }

    /// Names and types of its columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, ColumnType)> {
        self.columns.iter().copied()
    }
}

/// Creates all tables in the attached databases.
pub(super) fn create(connection: &Connection) -> Result<(), rusqlite::Error> {
    for table in TABLES.iter() {
        let (schema, name, definition) = (table.schema, table.name, table.definition);
        connection.execute_batch(&format!("create table {schema}.{name} ({definition})"))?;
    }
    connection.execute_batch(
        "create table pg_catalog.emulator_written (version int8);
         insert into pg_catalog.emulator_written values (0);",
    )
}

fn find(name: &str) -> Option<&'static SystemTable> {
    TABLES
        .iter()
        .find(|table| table.name.eq_ignore_ascii_case(name))
}

/// Whether a name is that of a system table, or begins as only such names do.
pub(in crate::postgres) fn is_system_name(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema" || find(name).is_some()
}

pub(super) fn oid(name: &str) -> Option<i64> {
    find(name).map(|table| table.oid)
}

pub(super) fn name(oid: i64) -> Option<&'static str> {
    TABLES
        .iter()
        .find(|table| table.oid == oid)
        .map(|table| table.name)
}

pub(super) fn columns(name: &str) -> Vec<(String, ColumnType)> {
    let columns = find(name).into_iter().flat_map(SystemTable::columns);
    columns.map(|(name, ty)| (name.to_owned(), ty)).collect()
}

/// The tables, one to a paragraph.
const DEFINITIONS: &str =
    "pg_catalog.pg_class 1259: oid oid, relname name, relnamespace oid, reltype oid, reloftype oid,
  relowner oid, relam oid, relfilenode oid, reltablespace oid, relpages int4, reltuples float4,
  relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence
  pg_char, relkind pg_char, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool,
  relhassubclass bool, relrowsecurity bool, relforcerowsecurity bool, relispopulated bool,
  relreplident pg_char, relispartition bool, relrewrite oid, relfrozenxid xid, relminmxid xid,
  relacl _aclitem, reloptions _text, relpartbound pg_node_tree

pg_catalog.pg_namespace 2615: oid oid, nspname name, nspowner oid, nspacl _aclitem

pg_catalog.pg_attribute 1249: attrelid oid, attname name, atttypid oid, attstattarget int4, attlen
  int2, attnum int2, attndims int2, attcacheoff int4, atttypmod int4, attbyval bool, attalign
  pg_char, attstorage pg_char, attcompression pg_char, attnotnull bool, atthasdef bool,
  atthasmissing bool, attidentity pg_char, attgenerated pg_char, attisdropped bool, attislocal
  bool, attinhcount int2, attcollation oid, attacl _aclitem, attoptions _text, attfdwoptions
  _text, attmissingval anyarray

pg_catalog.pg_attrdef 2604: oid oid, adrelid oid, adnum int2, adbin pg_node_tree

pg_catalog.pg_type 1247: oid oid, typname name, typnamespace oid, typowner oid, typlen int2,
  typbyval bool, typtype pg_char, typcategory pg_char, typispreferred bool, typisdefined bool,
  typdelim pg_char, typrelid oid, typsubscript regproc, typelem oid, typarray oid, typinput
  regproc, typoutput regproc, typreceive regproc, typsend regproc, typmodin regproc, typmodout
  regproc, typanalyze regproc, typalign pg_char, typstorage pg_char, typnotnull bool, typbasetype
  oid, typtypmod int4, typndims int4, typcollation oid, typdefaultbin pg_node_tree, typdefault
  text, typacl _aclitem

pg_catalog.pg_index 2610: indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2,
  indisunique bool, indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, indimmediate
  bool, indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool,
  indisreplident bool, indkey int2vector, indcollation oidvector, indclass oidvector, indoption
  int2vector, indexprs pg_node_tree, indpred pg_node_tree

pg_catalog.pg_constraint 2606: oid oid, conname name, connamespace oid, contype pg_char,
  condeferrable bool, condeferred bool, convalidated bool, conrelid oid, contypid oid, conindid
  oid, conparentid oid, confrelid oid, confupdtype pg_char, confdeltype pg_char, confmatchtype
  pg_char, conislocal bool, coninhcount int2, connoinherit bool, conkey _int2, confkey _int2,
  conpfeqop _oid, conppeqop _oid, conffeqop _oid, confdelsetcols _int2, conexclop _oid, conbin
  pg_node_tree

pg_catalog.pg_am 2601: oid oid, amname name, amhandler regproc, amtype pg_char

pg_catalog.pg_roles 12000: rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool,
  rolcreatedb bool, rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword text,
  rolvaliduntil timestamptz, rolbypassrls bool, rolconfig _text, oid oid

pg_catalog.pg_user 12014: usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl
  bool, usebypassrls bool, passwd text, valuntil timestamptz, useconfig _text

pg_catalog.pg_auth_members 1261: oid oid, roleid oid, member oid, grantor oid, admin_option bool,
  inherit_option bool, set_option bool

pg_catalog.pg_database 1262: oid oid, datname name, datdba oid, encoding int4, datlocprovider
  pg_char, datistemplate bool, datallowconn bool, datconnlimit int4, datfrozenxid xid, datminmxid
  xid, dattablespace oid, datcollate text, datctype text, daticulocale text, daticurules text,
  datcollversion text, datacl _aclitem

pg_catalog.pg_tablespace 1213: oid oid, spcname name, spcowner oid, spcacl _aclitem, spcoptions
  _text

pg_catalog.pg_collation 3456: oid oid, collname name, collnamespace oid, collowner oid,
  collprovider pg_char, collisdeterministic bool, collencoding int4, collcollate text, collctype
  text, colliculocale text, collicurules text, collversion text

pg_catalog.pg_proc 1255: oid oid, proname name, pronamespace oid, proowner oid, prolang oid,
  procost float4, prorows float4, provariadic oid, prosupport regproc, prokind pg_char, prosecdef
  bool, proleakproof bool, proisstrict bool, proretset bool, provolatile pg_char, proparallel
  pg_char, pronargs int2, pronargdefaults int2, prorettype oid, proargtypes oidvector,
  proallargtypes _oid, proargmodes _char, proargnames _text, proargdefaults pg_node_tree,
  protrftypes _oid, prosrc text, probin text, prosqlbody pg_node_tree, proconfig _text, proacl
  _aclitem

pg_catalog.pg_language 2612: oid oid, lanname name, lanowner oid, lanispl bool, lanpltrusted bool,
  lanplcallfoid oid, laninline oid, lanvalidator oid, lanacl _aclitem

pg_catalog.pg_description 2609: objoid oid, classoid oid, objsubid int4, description text

pg_catalog.pg_shdescription 2396: objoid oid, classoid oid, description text

pg_catalog.pg_inherits 2611: inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool

pg_catalog.pg_policy 3256: oid oid, polname name, polrelid oid, polcmd pg_char, polpermissive
  bool, polroles _oid, polqual pg_node_tree, polwithcheck pg_node_tree

pg_catalog.pg_statistic_ext 3381: oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner
  oid, stxstattarget int4, stxkeys int2vector, stxkind _char, stxexprs pg_node_tree

pg_catalog.pg_publication 6104: oid oid, pubname name, pubowner oid, puballtables bool, pubinsert
  bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool

pg_catalog.pg_publication_rel 6106: oid oid, prpubid oid, prrelid oid, prqual pg_node_tree,
  prattrs int2vector

pg_catalog.pg_publication_namespace 6237: oid oid, pnpubid oid, pnnspid oid

pg_catalog.pg_subscription 6100: oid oid, subdbid oid, subname name, subowner oid, subenabled bool

pg_catalog.pg_trigger 2620: oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype
  int2, tgenabled pg_char, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint
  oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2vector, tgargs bytea,
  tgqual pg_node_tree, tgoldtable name, tgnewtable name

pg_catalog.pg_event_trigger 3466: oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid,
  evtenabled pg_char, evttags _text

pg_catalog.pg_rewrite 2618: oid oid, rulename name, ev_class oid, ev_type pg_char, ev_enabled
  pg_char, is_instead bool, ev_qual pg_node_tree, ev_action pg_node_tree

pg_catalog.pg_depend 2608: classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid,
  refobjsubid int4, deptype pg_char

pg_catalog.pg_enum 3501: oid oid, enumtypid oid, enumsortorder float4, enumlabel name

pg_catalog.pg_range 3541: rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid,
  rngsubopc oid, rngcanonical regproc, rngsubdiff regproc

pg_catalog.pg_extension 3079: oid oid, extname name, extowner oid, extnamespace oid,
  extrelocatable bool, extversion text, extconfig _oid, extcondition _text

pg_catalog.pg_operator 2617: oid oid, oprname name, oprnamespace oid, oprowner oid, oprkind
  pg_char, oprcanmerge bool, oprcanhash bool, oprleft oid, oprright oid, oprresult oid, oprcom
  oid, oprnegate oid, oprcode regproc

pg_catalog.pg_opclass 2616: oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid,
  opcfamily oid, opcintype oid, opcdefault bool, opckeytype oid

pg_catalog.pg_cast 2605: oid oid, castsource oid, casttarget oid, castfunc oid, castcontext
  pg_char, castmethod pg_char

pg_catalog.pg_sequence 2224: seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax
  int8, seqmin int8, seqcache int8, seqcycle bool

pg_catalog.pg_partitioned_table 3350: partrelid oid, partstrat pg_char, partnatts int2, partdefid
  oid, partattrs int2vector

pg_catalog.pg_foreign_table 3118: ftrelid oid, ftserver oid, ftoptions _text

pg_catalog.pg_foreign_server 1417: oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text,
  srvversion text, srvacl _aclitem, srvoptions _text

pg_catalog.pg_db_role_setting 2964: setdatabase oid, setrole oid, setconfig _text

pg_catalog.pg_tables 12023: schemaname name, tablename name, tableowner name, tablespace name,
  hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool

pg_catalog.pg_views 12019: schemaname name, viewname name, viewowner name, definition text

pg_catalog.pg_matviews 12028: schemaname name, matviewname name, matviewowner name, tablespace
  name, hasindexes bool, ispopulated bool, definition text

pg_catalog.pg_indexes 12033: schemaname name, tablename name, indexname name, tablespace name,
  indexdef text

pg_catalog.pg_settings 12104: name text, setting text, unit text, category text, short_desc text,
  context text, vartype text, source text, min_val text, max_val text, enumvals _text, boot_val
  text, reset_val text, pending_restart bool

pg_catalog.pg_stat_activity 12220: datid oid, datname name, pid int4, usesysid oid, usename name,
  application_name text, client_addr inet, client_port int4, backend_start timestamptz, xact_start
  timestamptz, query_start timestamptz, state text, query text, backend_type text

pg_catalog.pg_stat_ssl 12240: pid int4, ssl bool, version text, cipher text, bits int4, client_dn
  text, client_serial numeric, issuer_dn text

pg_catalog.pg_timezone_names 12108: name text, abbrev text, utc_offset interval, is_dst bool

information_schema.schemata 13100: catalog_name name, schema_name name, schema_owner name

information_schema.tables 13101: table_catalog name, table_schema name, table_name name,
  table_type text, is_insertable_into text

information_schema.columns 13102: table_catalog name, table_schema name, table_name name,
  column_name name, ordinal_position int4, column_default text, is_nullable text, data_type text,
  character_maximum_length int4, numeric_precision int4, numeric_scale int4, datetime_precision
  int4, udt_catalog name, udt_schema name, udt_name name, is_identity text, is_generated text,
  is_updatable text

information_schema.views 13103: table_catalog name, table_schema name, table_name name,
  view_definition text

information_schema.table_constraints 13104: constraint_catalog name, constraint_schema name,
  constraint_name name, table_catalog name, table_schema name, table_name name, constraint_type
  text, is_deferrable text, initially_deferred text

information_schema.key_column_usage 13105: constraint_catalog name, constraint_schema name,
  constraint_name name, table_catalog name, table_schema name, table_name name, column_name name,
  ordinal_position int4, position_in_unique_constraint int4

information_schema.routines 13106: specific_name name, routine_schema name, routine_name name,
  routine_type text, data_type text

information_schema.sequences 13107: sequence_catalog name, sequence_schema name, sequence_name
  name, data_type text";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_can_be_read() {
        assert_eq!(TABLES.len(), DEFINITIONS.split("\n\n").count());
    }
}
