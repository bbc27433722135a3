-- needs: ir_module_module
SELECT name, latest_version AS version, author, license, state FROM ir_module_module
WHERE state NOT IN ('uninstalled', 'uninstallable') ORDER BY name
