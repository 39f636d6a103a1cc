<resource schema="rr" resdir="disco">
  <meta name="title">A small registry</meta>
  <meta name="creationDate">2026-01-01T00:00:00Z</meta>
  <meta name="description">The tables of RegTAP that are asked, filled by a test.</meta>
  <meta name="subject">virtual-observatories</meta>
  <meta name="creator">Tests</meta>

  <table id="resource" onDisk="True" adql="True">
    <column name="ivoid" type="text" description="x"/>
    <column name="res_type" type="text" description="x"/>
    <column name="updated" type="timestamp" description="x"/>
    <column name="short_name" type="text" description="x"/>
    <column name="res_title" type="unicode" description="x"/>
    <column name="res_description" type="unicode" description="x"/>
    <column name="reference_url" type="text" description="x"/>
  </table>
  <table id="capability" onDisk="True" adql="True">
    <column name="ivoid" type="text" description="x"/>
    <column name="cap_index" type="smallint" required="True" description="x"/>
    <column name="standard_id" type="text" description="x"/>
  </table>
  <table id="interface" onDisk="True" adql="True">
    <column name="ivoid" type="text" description="x"/>
    <column name="cap_index" type="smallint" required="True" description="x"/>
    <column name="intf_index" type="smallint" required="True" description="x"/>
    <column name="intf_role" type="text" description="x"/>
    <column name="access_url" type="text" description="x"/>
  </table>
  <table id="res_detail" onDisk="True" adql="True">
    <column name="ivoid" type="text" description="x"/>
    <column name="cap_index" type="smallint" description="x"><values nullLiteral="-1"/></column>
    <column name="detail_xpath" type="text" description="x"/>
    <column name="detail_value" type="unicode" description="x"/>
  </table>
  <table id="res_table" onDisk="True" adql="True">
    <column name="ivoid" type="text" description="x"/>
    <column name="schema_index" type="smallint" description="x"><values nullLiteral="-1"/></column>
    <column name="table_name" type="text" description="x"/>
    <column name="table_utype" type="text" description="x"/>
  </table>

  <data id="import">
    <make table="resource"/>
    <make table="capability"/>
    <make table="interface"/>
    <make table="res_detail"/>
    <make table="res_table"/>
  </data>
</resource>
