# Connects this computer to a Wi-Fi network. It says what it does, and undoes it where a step fails.
# The data below is all that differs from one file to the next; nothing of it is run as a command.
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0

$data = '@DATA@'

$source = @'
using System;
using System.ComponentModel;
using System.Runtime.InteropServices;

public sealed class WirelessLan : IDisposable
{
    const uint Version = 2;
    const uint NotFound = 1168;
    const int ListHeader = 8;
    const int AdapterSize = 532;

    IntPtr handle;

    [DllImport("wlanapi.dll")]
    static extern uint WlanOpenHandle(
        uint version, IntPtr reserved, out uint negotiated, out IntPtr handle);

    [DllImport("wlanapi.dll")]
    static extern uint WlanCloseHandle(IntPtr handle, IntPtr reserved);

    [DllImport("wlanapi.dll")]
    static extern uint WlanEnumInterfaces(IntPtr handle, IntPtr reserved, out IntPtr list);

    [DllImport("wlanapi.dll")]
    static extern void WlanFreeMemory(IntPtr memory);

    [DllImport("wlanapi.dll", CharSet = CharSet.Unicode)]
    static extern uint WlanGetProfile(
        IntPtr handle, ref Guid adapter, string name, IntPtr reserved, out IntPtr profile,
        ref uint flags, out uint access);

    [DllImport("wlanapi.dll", CharSet = CharSet.Unicode)]
    static extern uint WlanSetProfile(
        IntPtr handle, ref Guid adapter, uint flags, string profile, string security,
        [MarshalAs(UnmanagedType.Bool)] bool overwrite, IntPtr reserved, out uint reason);

    [DllImport("wlanapi.dll", CharSet = CharSet.Unicode)]
    static extern uint WlanSetProfileEapXmlUserData(
        IntPtr handle, ref Guid adapter, string name, uint flags, string credentials,
        IntPtr reserved);

    [DllImport("wlanapi.dll", CharSet = CharSet.Unicode)]
    static extern uint WlanDeleteProfile(
        IntPtr handle, ref Guid adapter, string name, IntPtr reserved);

    public WirelessLan()
    {
        uint negotiated;
        Check("WlanOpenHandle", WlanOpenHandle(Version, IntPtr.Zero, out negotiated, out handle), 0);
    }

    public void Dispose()
    {
        WlanCloseHandle(handle, IntPtr.Zero);
    }

    public Guid[] Adapters()
    {
        IntPtr list;
        Check("WlanEnumInterfaces", WlanEnumInterfaces(handle, IntPtr.Zero, out list), 0);
        try
        {
            Guid[] adapters = new Guid[Marshal.ReadInt32(list)];
            byte[] octets = new byte[16];
            for (int number = 0; number < adapters.Length; number++)
            {
                IntPtr start = new IntPtr(list.ToInt64() + ListHeader + number * AdapterSize);
                Marshal.Copy(start, octets, 0, octets.Length);
                adapters[number] = new Guid(octets);
            }
            return adapters;
        }
        finally
        {
            WlanFreeMemory(list);
        }
    }

    // A profile and the flags that it was set with; null where there is none of this name.
    public object[] ReadProfile(Guid adapter, string name)
    {
        IntPtr text;
        uint flags = 0;
        uint access;
        uint error = WlanGetProfile(
            handle, ref adapter, name, IntPtr.Zero, out text, ref flags, out access);
        if (error == NotFound) { return null; }
        Check("WlanGetProfile", error, 0);
        try
        {
            return new object[] { Marshal.PtrToStringUni(text), flags };
        }
        finally
        {
            WlanFreeMemory(text);
        }
    }

    public void SetProfile(Guid adapter, string profile, uint flags)
    {
        uint reason;
        uint error = WlanSetProfile(
            handle, ref adapter, flags, profile, null, true, IntPtr.Zero, out reason);
        Check("WlanSetProfile", error, reason);
    }

    public void SetCredentials(Guid adapter, string name, string credentials)
    {
        uint error = WlanSetProfileEapXmlUserData(
            handle, ref adapter, name, 0, credentials, IntPtr.Zero);
        Check("WlanSetProfileEapXmlUserData", error, 0);
    }

    public void DeleteProfile(Guid adapter, string name)
    {
        WlanDeleteProfile(handle, ref adapter, name, IntPtr.Zero);
    }

    static void Check(string function, uint error, uint reason)
    {
        if (error != 0)
        {
            string text = new Win32Exception((int)error).Message;
            throw new InvalidOperationException(
                function + ": " + text + " (" + error + ", " + reason + ")");
        }
    }
}
'@

function Open-Store([string] $name) {
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store($name, 'CurrentUser')
    $store.Open('ReadWrite')
    return $store
}

# Returns whether the certificate is new: only what is new is taken out again.
function Add-Certificate([string] $name, $certificate) {
    $store = Open-Store $name
    try {
        $found = $store.Certificates.Find('FindByThumbprint', $certificate.Thumbprint, $false)
        if ($found.Count -gt 0) { return $false }
        $store.Add($certificate)
        return $true
    } finally {
        $store.Close()
    }
}

function Remove-Certificate([string] $name, $certificate) {
    $store = Open-Store $name
    try { $store.Remove($certificate) } finally { $store.Close() }
}

function Read-Certificate([byte[]] $content, [string] $passphrase) {
    $kept = [System.Security.Cryptography.X509Certificates.X509KeyStorageFlags] 'UserKeySet, PersistKeySet'
    return New-Object System.Security.Cryptography.X509Certificates.X509Certificate2($content, $passphrase, $kept)
}

function Add-Network($lan, $adapter, $network, [string] $credentials, $undo) {
    $former = $lan.ReadProfile($adapter, $network.name)
    [void] $undo.Add(@{ Kind = 'profile'; Adapter = $adapter; Name = $network.name; Former = $former })
    $lan.SetProfile($adapter, $network.xml, $forThisUser)
    $lan.SetCredentials($adapter, $network.name, $credentials)
}

# Puts back the profile that was there before; where there was none, none is left.
function Restore-Network($lan, $step) {
    if ($null -eq $step.Former) {
        $lan.DeleteProfile($step.Adapter, $step.Name)
    } else {
        $lan.SetProfile($step.Adapter, $step.Former[0], $step.Former[1])
        Write-Host $kit.texts.restored
    }
}

function Install-Kit($kit, $lan, $undo) {
    $adapters = @($lan.Adapters())
    if ($adapters.Count -eq 0) { throw $kit.texts.no_adapter }
    Write-Host $kit.texts.certificates
    foreach ($entry in $kit.certificates) {
        $content = [Convert]::FromBase64String($entry.content)
        $certificate = Read-Certificate $content $entry.passphrase
        if (Add-Certificate $entry.store $certificate) {
            [void] $undo.Add(@{ Kind = 'certificate'; Store = $entry.store; Certificate = $certificate })
        }
    }
    Write-Host $kit.texts.network
    foreach ($adapter in $adapters) {
        Add-Network $lan $adapter $kit.network $kit.credentials $undo
        # Not every adapter knows Passpoint, and none has to.
        foreach ($network in $kit.passpoint) {
            $steps = $undo.Count
            try {
                Add-Network $lan $adapter $network $kit.credentials $undo
            } catch {
                if ($undo.Count -gt $steps) {
                    Restore-Network $lan $undo[$steps]
                    $undo.RemoveAt($steps)
                }
            }
        }
    }
}

function Undo-Steps($steps, $lan) {
    for ($number = $steps.Count - 1; $number -ge 0; $number--) {
        $step = $steps[$number]
        try {
            if ($step.Kind -eq 'profile') { Restore-Network $lan $step }
            else { Remove-Certificate $step.Store $step.Certificate }
        } catch {
            Write-Host $_.Exception.Message
        }
    }
}

$kit = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($data)) | ConvertFrom-Json
$forThisUser = 2
$undo = New-Object System.Collections.ArrayList
$lan = $null
$status = 0
Write-Host $kit.texts.start
try {
    Add-Type -TypeDefinition $source
    $lan = New-Object WirelessLan
    Install-Kit $kit $lan $undo
    Write-Host $kit.texts.done
} catch {
    $status = 1
    Write-Host $_.Exception.Message
    Undo-Steps $undo $lan
    Write-Host $kit.texts.failed
} finally {
    if ($lan -ne $null) { $lan.Dispose() }
}
[void] (Read-Host $kit.texts.close)
exit $status
