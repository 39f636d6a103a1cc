<resource schema="epn" resdir="disco">
  <meta name="title">Made-up granules</meta>
  <meta name="creationDate">2026-01-01T00:00:00Z</meta>
  <meta name="description">EPN-TAP rows that a test makes.</meta>
  <meta name="subject">planetary-science</meta>
  <meta name="creator">Tests</meta>

  <table id="epn_core" onDisk="True" adql="True">
    <mixin spatial_frame_type="body" optional_columns="access_url access_format access_estsize thumbnail_url
      coverage publisher bib_reference feature_name time_scale">//epntap2#table-2_0</mixin>
    <index columns="granule_uid"/>
    <index columns="modification_date"/>
  </table>

  <data id="import">
    <make table="epn_core"/>
  </data>
</resource>
